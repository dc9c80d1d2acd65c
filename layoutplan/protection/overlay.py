"""Covers that deny what they grant too much: a region without rights laid over the end of a larger one.

On PMSAv7 the highest-numbered region decides (DDI 0403, PMSAv7), on PMP the lowest-numbered entry that matches any
byte. A larger region with its surplus denied is often fewer slots than the pieces that it replaces, and unlike those
it has no seam. PMSAv8 faults where regions overlap, so it has none of this.

The price: :meth:`Overlaid.denied` reaches beyond what is granted. Where that is another partition's or the kernel's,
nothing is lost. Where it is the same partition's, the regions of the denied block have to be decided before those that
deny it, which is a matter of slot order, and cannot be when two blocks deny each other. The surplus stays inside the
block's memory, whose type its words have. The kernel is not affected: an overlay gives privileged code what the
default map gives it in RAM and flash, and M-mode is not bound by unlocked PMP entries.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_down, align_up, next_power_of_two
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection import armv7m, pmp, runs
from layoutplan.protection.armv7m import Pmsav7
from layoutplan.protection.pmp import Pmp
from layoutplan.protection.runs import Pair
from layoutplan.protection.unit import ProtectionUnit, Wholes

XN = 1 << 28
"""``MPU_RASR.XN``."""

MOST_DENIED = 16
"""More denied runs than this no cover has on either side."""

PAGE = 1 << 10
"""A denied run is a whole region, or of units of this many bytes: no disabled subregion shares such a page with it.

QEMU 7.2 remembers what it decided for 1 KiB (target/arm, ``get_phys_addr_pmsav7``), also where the address fell
through a disabled subregion of a region that decides the rest. Silicon does not; but what cannot be attacked on the
emulator is not planned.
"""

WHOLE_SPACE: Pair = (0, ADDRESS_SPACE_END)


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A unit of runs, with overlays where they save slots.

    ``unit`` is a :class:`Pmp` with NAPOT and without TOR (with TOR, two entries describe any range anyhow), or a
    :class:`Pmsav7`, which only the benchmark asks for: under the rule of :data:`PAGE` it saves nothing. ``ValueError``
    for another. ``memories`` are the memories that no overlay may leave; without any, the address space is one.
    """

    unit: Pmsav7 | Pmp
    memories: tuple[AddressRange, ...] = ()

    def __post_init__(self) -> None:
        if not _gains(self.unit):
            raise ValueError("PMP overlays are for cores with NAPOT, without TOR and without Smepmp")

    @property
    def name(self) -> UnitName:
        """As without overlays."""
        return self.unit.name

    @property
    def granule(self) -> int:
        """As without overlays."""
        return self.unit.granule

    @property
    def types(self) -> frozenset[MemoryType]:
        """As without overlays."""
        return self.unit.types

    @property
    def code_may_have_seams(self) -> bool:
        """As without overlays."""
        return self.unit.code_may_have_seams

    @property
    def _shift(self) -> int:
        return armv7m.SHIFT if isinstance(self.unit, Pmsav7) else pmp.SHIFT

    @property
    def _least(self) -> int:
        """The smallest region that matches all of itself."""
        return self.unit.smallest_region if isinstance(self.unit, Pmsav7) else self.granule

    @property
    def _most(self) -> int:
        return armv7m.MOST_SLOTS if isinstance(self.unit, Pmsav7) else pmp.MOST_ENTRIES

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """One slot a region, those that deny included."""
        return len(cover) + len(self.denied(cover))

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:
        """As the protocol says; overlays only where they save a slot."""
        if (granted.base | granted.end) % self.granule or granted.end > ADDRESS_SPACE_END:
            return None
        plain = self.unit.cover(granted, wholes)
        room = self._room(granted.base, granted.end)
        for limit in range(2, len(plain) if plain is not None else self._most + 1):
            found = _pieces(granted.base, granted.end, self._shift, wholes, limit, self._least, room)
            if found is not None:
                return tuple(AddressRange(base, end) for base, end in found)
        return plain

    def denied(self, cover: tuple[AddressRange, ...]) -> tuple[AddressRange, ...]:
        """What the regions of a cover of one block match and must not grant, one item a region that denies, ascending.

        It adjoins the cover below and above. ``ValueError`` for a cover that is not regions even so.
        """
        first, last = cover[0], cover[-1]
        shift, room = self._shift, self._room(first.base, last.end)
        if not (first.base | last.end) % self.granule:
            lows, highs = _outward(first.base, last.end, shift, MOST_DENIED, self._least, room)
            for count in range(len(lows) + len(highs) - 1):
                for i in range(max(0, count - len(highs) + 1), min(count, len(lows) - 1) + 1):
                    j = count - i
                    edges = [lows[i], *(piece.end for piece in cover[:-1]), highs[j]]
                    if all(runs.fewest(base, end, shift, 1) == 1 for base, end in itertools.pairwise(edges)):
                        below = itertools.pairwise(reversed(lows[: i + 1]))
                        above = itertools.pairwise(highs[: j + 1])
                        return tuple(AddressRange(base, end) for base, end in (*below, *above))
        raise ValueError(f"no {self.name} regions match exactly {' '.join(map(str, cover))}")

    def granting(self, cover: tuple[AddressRange, ...]) -> tuple[AddressRange, ...]:
        """The regions that grant a cover of one block, one for each piece, with the surplus at both ends."""
        denied = self.denied(cover)
        low = min(each.base for each in (cover[0], *denied))
        high = max(each.end for each in (cover[-1], *denied))
        edges = [low, *(piece.end for piece in cover[:-1]), high]
        return tuple(AddressRange(base, end) for base, end in itertools.pairwise(edges))

    def least_granted(self, size: int, slots: int) -> int | None:
        """A lower bound of what :meth:`place` grants: the least total of regions added and taken away."""
        if slots < 1:
            return None
        return _least_signed(-(-size // self.granule), self._shift, slots, self._least // self.granule) * self.granule

    def repeats(self, period: int) -> bool:
        """Whether places repeat with ``period``, a power of two from eight times the size: no memory ends in it."""
        return all((memory.base | memory.end) % period == 0 for memory in self.memories)

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:
        """As the protocol says."""
        if slots < 2:
            return self.unit.place(top, size, align, slots, wholes)
        step = max(align, self.granule)
        period = max(8 * next_power_of_two(max(size, self.granule)), step)
        repeats = self.repeats(period)
        start = top % period + period if repeats else top
        room = WHOLE_SPACE if repeats else self._room(top - 1, top)
        found = _highest(start, size, step, slots, self._shift, self.granule, wholes, self._least, room)
        if found is None or top < start - found[0]:
            return None
        return AddressRange(top - start + found[0], top - start + found[1])

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """As the unit's own: device registers are never overlaid."""
        return self.unit.enclosing(needed, slots)

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
        """As without overlays: the words of one region that grants; :func:`encode_denied` are those of the others."""
        return self.unit.encode(piece, access, type, shareable)

    def _room(self, base: int, end: int) -> Pair:
        """Where an overlay of ``[base, end)`` may reach: the memory that holds it; nowhere else, if none does."""
        if not self.memories:
            return WHOLE_SPACE
        for memory in self.memories:
            if memory.base <= base and end <= memory.end:
                return memory.base, memory.end
        return base, end


def with_overlays(unit: ProtectionUnit, memories: Iterable[AddressRange]) -> ProtectionUnit:
    """``unit`` with overlays inside ``memories`` where it gains from them, else as it is.

    Not on PMSAv7: by whole regions they save nothing there on random sets (``tests/benchmarks``, *extra*), and by
    disabled subregions of less than a :data:`PAGE` they could not be attacked on the emulator.
    """
    if isinstance(unit, Pmp) and _gains(unit):
        return Overlaid(unit, tuple(memories))
    return unit


def without_overlays(unit: ProtectionUnit) -> ProtectionUnit:
    """The unit itself."""
    return unit.unit if isinstance(unit, Overlaid) else unit


def denied_by(unit: ProtectionUnit, cover: tuple[AddressRange, ...]) -> tuple[AddressRange, ...]:
    """:meth:`Overlaid.denied`; nothing for other units, and where there is no cover."""
    return unit.denied(cover) if isinstance(unit, Overlaid) and cover else ()


def granted_by(unit: ProtectionUnit, cover: tuple[AddressRange, ...]) -> tuple[AddressRange, ...]:
    """:meth:`Overlaid.granting`; the cover itself for other units."""
    return unit.granting(cover) if isinstance(unit, Overlaid) else cover


def encode_denied(unit: ProtectionUnit, piece: AddressRange, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
    """The words of a region that denies ``piece``: to be decided before what grants it too."""
    words = unit.encode(piece, Access.NONE, type, shareable)
    if isinstance(without_overlays(unit), Pmsav7):
        # Execution stays the kernel's, as in the default map: the surplus may be its code.
        return tuple((rbar, rasr & ~XN) for rbar, rasr in words)
    return words


def _gains(unit: Pmsav7 | Pmp) -> bool:
    """Whether the unit has overlays and cannot describe everything in two slots without.

    Under Smepmp an unlocked entry without rights binds M-mode too, and the surplus may be the kernel's.
    """
    if isinstance(unit, Pmp):
        return unit.traits.modes & {"tor", "napot"} == {"napot"} and not unit.traits.smepmp
    return True


def _outward(base: int, end: int, shift: int, most: int, least: int, room: Pair) -> tuple[list[int], list[int]]:
    """The bounds below ``base`` and above ``end`` that 0, 1, … denied runs reach, each the coarsest that they can.

    They stay in ``room`` and in the aligned block of four times the size, or, where the range lies across the border of
    two such blocks, within its size of that border (less than it where runs have several units: then no one run spans
    the border). So whether there is an overlay repeats with that block, and none swallows a memory for a few bytes.
    """
    lows, highs = [base], [end]
    power = next_power_of_two(end - base)
    span = 4 * power
    floor, ceiling = base & -span, (base | (span - 1)) + 1
    if end > ceiling:
        reach = power - (shift > 0)
        floor, ceiling = ceiling - reach, ceiling + reach
    floor, ceiling = max(floor, room[0]), min(ceiling, room[1])
    while len(lows) <= most and base > floor:
        step = _reach(base & -base, shift, least)
        while step and (base - 1) & -step < floor:
            step = step >> 1 if step > base & -base else 0
        if not step:
            break
        base = (base - 1) & -step
        lows.append(base)
    while len(highs) <= most and end < ceiling:
        step = _reach(end & -end, shift, least)
        while step and (end | (step - 1)) + 1 > ceiling:
            step = step >> 1 if step > end & -end else 0
        if not step:
            break
        end = (end | (step - 1)) + 1
        highs.append(end)
    return lows, highs


def _reach(unit: int, shift: int, least: int) -> int:
    """The aligned block in which one denied run with units of ``unit`` bytes may lie; none where it is too small."""
    if unit < least:
        return 0
    return unit << shift if unit >= PAGE else unit


def _fits(base: int, end: int, shift: int, slots: int, least: int, room: Pair, most: int) -> bool:
    """Whether ``slots`` runs, at most ``most`` of them not denied, leave exactly ``[base, end)``."""
    left = min(slots, most)
    if runs.fewest(base, end, shift, left) <= left:
        return True
    if slots < 2:
        return False
    if most == 1 and shift == 0:
        # One NAPOT entry grants: the least that spans the range. What is denied of it is its digits in base two.
        size = 1 << (base ^ (end - 1)).bit_length()
        low, high = base & -size, (base & -size) + size
        return (
            size <= 4 * next_power_of_two(end - base)
            and room[0] <= low
            and high <= room[1]
            and (base - low).bit_count() + (high - end).bit_count() < slots
        )
    lows, highs = _outward(base, end, shift, slots - 1, least, room)
    for i, low in enumerate(lows):
        for j, high in enumerate(highs[: slots - i]):
            left = min(slots - i - j, most)
            if i + j and runs.fewest(low, high, shift, left) <= left:
                return True
    return False


def _pieces(
    base: int, end: int, shift: int, wholes: Wholes, limit: int, least: int, room: Pair
) -> tuple[Pair, ...] | None:
    """Adjoining pieces that are exactly ``[base, end)`` in at most ``limit`` runs, denied ones counted, or ``None``.

    Only below the first piece and above the last is anything denied: at a seam the bytes are the neighbour's. As few
    runs as possible deny.
    """
    if not _fits(base, end, shift, limit, least, room, limit):
        return None
    lows, highs = _outward(base, end, shift, limit - 1, least, room)
    for count in range(limit):
        for i, low in enumerate(lows[: count + 1]):
            if count - i >= len(highs):
                continue
            high = highs[count - i]
            fixed = tuple((base + first - low, base + last - low) for first, last in wholes)
            # No cut in what is denied: the piece beyond it would grant nothing.
            fixed = ((0, base - low + 1), *fixed, (end - low - 1, high - low))
            found = runs.uncut(low, high, shift, fixed, limit - count)
            if found is not None:
                edges = [base, *(piece[1] for piece in found[:-1]), end]
                return tuple(itertools.pairwise(edges))
    return None


@functools.cache
def _highest(
    top: int, size: int, step: int, slots: int, shift: int, granule: int, wholes: Wholes, least: int, room: Pair
) -> Pair | None:
    """The range of greatest base, then least end, that ends at or below ``top``; ``None``: its base is below zero."""
    wholes = tuple((low, high) for low, high in wholes if align_down(low, granule) + granule < high)
    # Where no cut is left, one run grants all, and then there is nothing more to ask of a place.
    most = 1 if any(low < granule and high > size - granule for low, high in wholes) else slots
    wholes = wholes if most > 1 else ()
    base = _greatest_base(top, size, step, slots, shift, granule, least, room, most)
    while base >= 0:
        end = _least_end(base, size, slots, shift, granule, wholes, least, room, most)
        if end is not None and end <= top:
            return base, end
        base -= step
    return None


def _greatest_base(
    top: int, size: int, align: int, slots: int, shift: int, granule: int, least: int, room: Pair, most: int
) -> int:
    """The greatest base without ``wholes``: as in :mod:`runs` it is enough to round both ends to powers of two."""
    best = -1
    end_step = granule
    while True:
        end = top & -end_step
        if end - size <= best:
            return best
        step = align
        while (base := (end - size) & -step) > best:
            if _fits(base, end, shift, slots, least, room, most):
                best = base
                break
            if base == 0:
                break
            step <<= 1
        end_step <<= 1


def _least_end(
    base: int, size: int, slots: int, shift: int, granule: int, wholes: Wholes, least: int, room: Pair, most: int
) -> int | None:
    """The least end of a range from ``base``, or ``None``."""
    step, before = granule, 0
    while step <= next_power_of_two(max(size, granule)):
        end = align_up(base + size, step)
        if end != before and _fits(base, end, shift, slots, least, room, most):
            if not wholes or runs.uncut(base, end, shift, wholes, slots) is not None:
                return end
            if _pieces(base, end, shift, wholes, slots, least, room) is not None:
                return end
        step, before = step << 1, end
    return None


@functools.cache
def _least_signed(units: int, shift: int, terms: int, least: int) -> int:
    """The least sum, ``units`` or more, of at most ``terms`` runs, each added or taken away. In granules.

    ``units`` may be negative. A term of more than twice the sum would be undone by another of its size.
    """
    most = 1 << shift

    def denied(exponent: int) -> int:
        """The most units of that size in a run that is taken away."""
        if 1 << exponent < least:
            return 0
        return most if 1 << exponent >= PAGE // 32 else 1

    if terms == 1:
        if units > 0:
            return runs.least_total(units, shift, 1)
        exponents = range((-units).bit_length())
        return -max((min(-units >> exponent, denied(exponent)) << exponent for exponent in exponents), default=0)
    best = _least_signed(units, shift, terms - 1, least)
    for exponent in range(abs(units).bit_length() + 2):
        few = most // 2 + 1 if exponent else 1
        added = [count << exponent for count in range(few, most + 1)]
        taken = [-count << exponent for count in range(1, denied(exponent) + 1)]
        for term in (*added, *taken):
            if best == units:
                return best
            best = min(best, term + _least_signed(units - term, shift, terms - 1, least))
    return best
