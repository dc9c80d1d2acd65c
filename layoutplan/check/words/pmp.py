"""PMP entries, decoded from the manual: RISC-V Privileged Architecture 1.12, 3.7 "Physical Memory Protection".

``pmpcfg`` byte: R 0, W 1, X 2, A 4:3 (OFF, TOR, NA4, NAPOT), 6:5 reserved, L 7. ``pmpaddr`` holds address bits 33:2.
The lowest-numbered entry that matches decides. With a grain of 2^(G+2) bytes, TOR ignores ``pmpaddr[G-1:0]`` and
NAPOT reads ``pmpaddr[G-2:0]`` as ones. Without paging, U-mode issues 32-bit addresses.

With Smepmp 1.0 and ``mseccfg.MML`` set (table 1 there) an entry's rights are U-mode's alone without L and M-mode's
alone with it, but for the combinations of W without R, and all four of L, R, W, X, which both modes share; with
``MMWP`` set, M-mode has nothing where no entry matches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.check.words.permits import Interval, Match, lowest_wins, resolve
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, PmpTraits, Target
from layoutplan.model.plan import Words

OFF, TOR, NA4, NAPOT = range(4)
_MODES = {TOR: "tor", NA4: "na4", NAPOT: "napot"}
_ISSUED = AddressRange(0, ADDRESS_SPACE_END)


_EVERYTHING = Access.RW | Access.EXECUTE
_SHARED = {
    (False, False): (Access.RW, Access.READ),
    (False, True): (Access.RW, Access.RW),
    (True, False): (Access.EXECUTE, Access.EXECUTE),
    (True, True): (Access.RX, Access.EXECUTE),
}
"""What W without R gives M-mode and U-mode under MML, by L and X."""


class Pmp:
    """The decoder of one RV32 PMP. ``lockdown``: Smepmp with ``mseccfg.MML`` and ``MMWP`` set, ``RLB`` clear."""

    def __init__(self, *, lockdown: bool = False) -> None:
        self._lockdown = lockdown

    def malformed(self, words: Sequence[Words], target: Target) -> Iterator[tuple[int, str]]:
        """(slot, reason) for each reserved field, absent mode, lock, and word that reads back as another."""
        traits = target.pmp
        low = traits.grain // 4
        hardwired = {entry.index for entry in traits.fixed if entry.hardwired}
        for slot, (address, config) in enumerate(words):
            if not 0 <= address < 1 << 32 or not 0 <= config < 1 << 8:
                yield slot, "pmpaddr has 32 bits and pmpcfg eight"
                continue
            mode = config >> 3 & 3
            if config & 0x60:
                yield slot, "pmpcfg bits 6:5 are reserved"
            if config & 0x80 and slot not in hardwired and not self._lockdown:
                yield slot, "L is set: the entry cannot be rewritten before reset"
            read, write, _ = _bits(config, traits)
            if write and not read and not self._lockdown:
                yield slot, "write without read is reserved"
            if slot in hardwired or mode == OFF:
                continue
            if _MODES[mode] not in traits.modes:
                yield slot, f"the core has no {_MODES[mode].upper()}"
            if mode == NA4 and traits.grain > 4:
                yield slot, f"NA4 cannot be selected with a grain of {traits.grain} B"
            if mode == TOR and address % low:
                yield slot, f"a TOR bound is not a multiple of the grain of {traits.grain} B"
            if mode == NAPOT and ~address & (low // 2 - 1 if low > 1 else 0):
                yield slot, f"NAPOT names less than the grain of {traits.grain} B"

    def intervals(self, words: Sequence[Words], target: Target) -> tuple[Interval, ...]:
        """What the words permit; entries that match and deny are intervals without rights."""
        found = []
        for slot, (address, config) in enumerate(words):
            below = words[slot - 1][0] if slot else 0
            range_ = matched(below, address, config, target.pmp)
            issued = range_.intersection(_ISSUED) if range_ else None
            if issued:
                privileged, user = self._modes(config, target.pmp)
                found.append(Match(slot=slot, ranges=(issued,), user=user, privileged=privileged))
        return resolve(found, lowest_wins)

    def _modes(self, config: int, traits: PmpTraits) -> tuple[Access, Access]:
        """What one entry gives M-mode and U-mode."""
        rights, locked = _rights(config, traits), bool(config & 0x80)
        if not self._lockdown:
            return rights if locked else _EVERYTHING, rights
        if Access.WRITE in rights and Access.READ not in rights:
            return _SHARED[locked, Access.EXECUTE in rights]
        if locked and rights == _EVERYTHING:
            return Access.R, Access.R
        return (rights, Access.NONE) if locked else (Access.NONE, rights)

    def background(self, range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
        """M-mode reaches everything that no locked entry matches; under MMWP nothing that no entry matches."""
        return ((range_, Access.NONE if self._lockdown else _EVERYTHING),)

    def type_is(self, attribute: int, expected: MemoryType, *, shareable: bool) -> bool:
        """PMP entries carry no memory type: the core's own attributes apply."""
        del attribute, expected, shareable
        return True


def matched(below: int, address: int, config: int, traits: PmpTraits) -> AddressRange | None:
    """The bytes that an entry matches; ``below`` is the ``pmpaddr`` of the entry before it, whatever its mode."""
    low = traits.grain // 4
    mode = config >> 3 & 3
    if mode == TOR:
        base, end = (below // low * low) << 2, (address // low * low) << 2
        return AddressRange(base, end) if base < end else None
    if mode == NA4:
        return AddressRange.of(address << 2, 4)
    if mode == NAPOT:
        ones = address | (low // 2 - 1 if low > 1 else 0)
        words = 2
        while ones & 1:
            ones >>= 1
            words *= 2
        return AddressRange.of(address // words * words << 2, words << 2)
    return None


def _bits(config: int, traits: PmpTraits) -> tuple[bool, bool, bool]:
    """Read, write, execute. RP2350-E6: early silicon has R and X in each other's place."""
    first, second, third = bool(config & 1), bool(config & 2), bool(config & 4)
    return (third, second, first) if traits.swapped_rx else (first, second, third)


def _rights(config: int, traits: PmpTraits) -> Access:
    rights = Access.NONE
    for bit, right in zip(_bits(config, traits), (Access.READ, Access.WRITE, Access.EXECUTE), strict=True):
        rights |= right if bit else Access.NONE
    return rights
