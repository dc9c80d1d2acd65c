"""PMP entries together: lower bounds that a neighbour holds already, and what hard-wired entries leave open."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.model.memory import PmpTraits
from layoutplan.model.plan import Words
from layoutplan.protection.pmp import NA4, NAPOT, OFF, TOR

MODE = 0b11 << 3
RIGHTS = 0b111


def redundant_bounds(words: Sequence[Words], first: int) -> frozenset[int]:
    """The positions in ``words`` of TOR lower bounds that the entry before holds anyway, so that they can be left out.

    ``words`` go to neighbouring entries from number ``first`` on. TOR takes ``pmpaddr[i-1]`` whatever the mode of that
    entry, and zero for entry 0. So ``k`` adjoining TOR ranges with different rights take ``k + 1`` entries.
    """
    found = set()
    for index, (address, config) in enumerate(words[:-1]):
        if config & MODE != OFF << 3 or words[index + 1][1] & MODE != TOR << 3:
            continue
        if address == words[index - 1][0] if index else address == first == 0:
            found.add(index)
    return frozenset(found)


def open_ranges(traits: PmpTraits) -> tuple[AddressRange, ...]:
    """What hard-wired entries give unprivileged code in every partition, merged, within 32-bit addresses.

    A lower-numbered entry decides first, so an entry without rights in a static slot closes such a range, and
    nothing else does: a plan that leaves it open isolates nothing there. Where a TOR entry's lower bound is another's
    to write, it is taken as zero.
    """
    hardwired = {entry.index: entry for entry in traits.fixed if entry.hardwired}
    found = []
    for index, entry in hardwired.items():
        if not entry.config & RIGHTS:
            continue
        match entry.config >> 3 & 0b11:
            case mode if mode == TOR:
                below = hardwired.get(index - 1)
                base, end = (below.address if below else 0) << 2, entry.address << 2
            case mode if mode == NA4:
                base, end = entry.address << 2, (entry.address << 2) + 4
            case mode if mode == NAPOT:
                units = (entry.address ^ (entry.address + 1)) + 1  # the ones at the bottom, and the zero above them
                base = (entry.address & -units) << 2
                end = base + (units << 2)
            case _:
                continue
        end = min(end, ADDRESS_SPACE_END)
        if base < end:
            found.append(AddressRange(base, end))
    return merge(found)
