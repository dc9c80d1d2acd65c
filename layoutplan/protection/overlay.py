"""Covers that deny what they grant too much: a region without rights laid over the end of a larger one.

On PMSAv7 the highest-numbered region decides (DDI 0403, B3.5.3), on PMP the lowest-numbered entry that matches any
byte. A larger region with its surplus denied is often fewer slots than the pieces that it replaces, and unlike those
it has no seam. PMSAv8 faults where regions overlap, so it has none of this.

The price: :meth:`Overlaid.hull` reaches beyond what is granted. A partition to which a piece is granted must have
nothing else inside the hull, static slots included: it would be denied, or deny in turn. The hull must lie inside one
memory. The kernel is not affected: an overlay gives privileged code what the default map gives it in RAM and flash,
and M-mode is not bound by unlocked PMP entries.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_down, align_up, next_power_of_two
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection import armv7m, pmp, runs
from layoutplan.protection.armv7m import Pmsav7
from layoutplan.protection.pmp import Pmp
from layoutplan.protection.runs import Pair
from layoutplan.protection.unit import Wholes

XN = 1 << 28
"""``MPU_RASR.XN``."""


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A unit of runs, with overlays where they save slots.

    ``unit`` is a :class:`Pmsav7`, or a :class:`Pmp` with NAPOT and without TOR: with TOR, two entries describe any
    range anyhow. ``ValueError`` for another.
    """

    unit: Pmsav7 | Pmp

    def __post_init__(self) -> None:
        if isinstance(self.unit, Pmp) and self.unit.traits.modes & {"tor", "napot"} != {"napot"}:
            raise ValueError("PMP overlays are for cores with NAPOT and without TOR")

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
    def _most(self) -> int:
        return armv7m.MOST_SLOTS if isinstance(self.unit, Pmsav7) else pmp.MOST_ENTRIES

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """One slot a region, those that deny included."""
        return sum(1 + len(self._surplus(piece)) for piece in cover)

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:
        """As the protocol says; overlays only where they save a slot. The hulls of the pieces are disjoint."""
        if (granted.base | granted.end) % self.granule or granted.end > ADDRESS_SPACE_END:
            return None
        plain = self.unit.cover(granted, wholes)
        for limit in range(2, len(plain) if plain is not None else self._most + 1):
            found = _pieces(granted.base, granted.end, self._shift, self.granule, wholes, limit)
            if found is not None:
                return tuple(AddressRange(base, end) for base, end in found)
        return plain

    def hull(self, piece: AddressRange) -> AddressRange:
        """The addresses that the regions of ``piece`` match, granted or denied; ``piece`` itself without overlays."""
        surplus = self._surplus(piece)
        return AddressRange(
            min((piece.base, *(low for low, _ in surplus))), max((piece.end, *(up for _, up in surplus)))
        )

    def least_granted(self, size: int, slots: int) -> int | None:
        """A lower bound of what :meth:`place` grants: the least total of regions added and taken away."""
        if slots < 1:
            return None
        return _least_signed(-(-size // self.granule), self._shift, slots) * self.granule

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:
        """As the protocol says."""
        if slots < 2:
            return self.unit.place(top, size, align, slots, wholes)
        step = max(align, self.granule)
        period = max(2 * _span(size, self.granule), step)
        drop, length = _drop(top % period, period, size, step, slots, self._shift, self.granule, wholes)
        return AddressRange.of(top - drop, length) if top >= drop else None

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """As the unit's own: device registers are never overlaid."""
        return self.unit.enclosing(needed, slots)

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
        """The words of the regions of ``piece`` in slot order: what denies is last on Arm, first on PMP."""
        surplus = self._surplus(piece)
        (granting,) = self.unit.encode(self.hull(piece), access, type, shareable)
        denying = [self.unit.encode(AddressRange(*each), Access.NONE, type, shareable)[0] for each in surplus]
        if isinstance(self.unit, Pmsav7):
            # Execution stays the kernel's, as in the default map: the surplus may be its code.
            return (granting, *((rbar, rasr & ~XN) for rbar, rasr in denying))
        return (*denying, granting)

    def _surplus(self, piece: AddressRange) -> tuple[Pair, ...]:
        surplus = _surplus(piece.base, piece.end, self._shift, self.granule)
        if surplus is None or (piece.base | piece.end) % self.granule:
            raise ValueError(f"no {self.name} regions match exactly {piece}")
        return surplus


def _outward(base: int, end: int, shift: int) -> tuple[int, int, Pair]:
    """The range grown at its finer end to the nearest coarser place outside, and the run that it grew by."""
    low, high = base & -base, end & -end
    if base and low <= high:
        grown = (base - 1) & -(low << shift)
        return grown, end, (grown, base)
    grown = (end | ((high << shift) - 1)) + 1
    return base, grown, (end, grown)


def _span(size: int, granule: int) -> int:
    """The aligned block that an overlay of ``size`` bytes stays in, so that whether there is one repeats with it."""
    return 4 * next_power_of_two(max(size, granule))


@functools.cache
def _surplus(base: int, end: int, shift: int, granule: int) -> tuple[Pair, ...] | None:
    """The runs to deny around ``[base, end)``, inmost first, so that all together is one run; ``None`` if none is."""
    if runs.fewest(base, end, shift, 1) == 1:
        return ()
    span = _span(end - base, granule)
    surplus: list[Pair] = []
    while (base ^ (end - 1)) & -span == 0:
        if runs.fewest(base, end, shift, 1) == 1:
            return tuple(surplus)
        base, end, grown = _outward(base, end, shift)
        surplus.append(grown)
    return None


def _pieces(base: int, end: int, shift: int, granule: int, wholes: Wholes, limit: int) -> tuple[Pair, ...] | None:
    """Adjoining pieces that are exactly ``[base, end)`` in at most ``limit`` slots, overlays counted, or ``None``.

    Asked only where a plain cover takes more than ``limit`` slots, and ``limit`` is two at least.

    From the finer end, either a piece ends at the nearest coarser place inside, or the bytes up to the nearest coarser
    place outside are denied. At a seam nothing is denied: the bytes are the neighbouring piece's.
    """
    if limit == 2:  # two pieces would be a plain cover, which the caller knows already
        surplus = _surplus(base, end, shift, granule)
        return ((base, end),) if surplus is not None and len(surplus) < 2 else None
    fixed = [(base + low, base + high) for low, high in wholes]

    def one(base: int, end: int, low_seam: bool, high_seam: bool) -> bool:
        surplus = _surplus(base, end, shift, granule)
        return surplus is not None and not any(
            (low_seam and up <= base) or (high_seam and low >= end) for low, up in surplus
        )

    def search(
        base: int, end: int, low: int, high: int, seams: tuple[bool, bool], left: int
    ) -> tuple[Pair, ...] | None:
        """Of ``[base, end)``, around which ``[low, base)`` and ``[end, high)`` are denied already."""
        if left < 1:
            return None
        if runs.fewest(low, high, shift, 1) == 1:
            return ((base, end),) if one(base, end, *seams) else None
        upward = low != 0 and low & -low <= high & -high
        step = (low & -low if upward else high & -high) << shift
        cut = (low | (step - 1)) + 1 if upward else (high - 1) & -step
        if base < cut < end and not any(first < cut < last for first, last in fixed):
            if upward and one(base, cut, seams[0], True):
                rest = search(cut, end, cut, high, (True, seams[1]), left - 1)
                if rest is not None:
                    return ((base, cut), *rest)
            if not upward and one(cut, end, True, seams[1]):
                rest = search(base, cut, low, cut, (seams[0], True), left - 1)
                if rest is not None:
                    return (*rest, (cut, end))
        if seams[0 if upward else 1]:
            return None
        grown_low, grown_high, _ = _outward(low, high, shift)
        return search(base, end, grown_low, grown_high, seams, left - 1)

    return search(base, end, base, end, (False, False), limit)


@functools.cache
def _drop(
    residue: int, period: int, size: int, step: int, slots: int, shift: int, granule: int, wholes: Wholes
) -> Pair:
    """``(top - base, end - base)`` of the highest place for every ``top`` congruent to ``residue``."""
    top = residue + 2 * period
    base = align_down(align_down(top, granule) - size, step)
    while True:
        length = _length(base % period, period, size, slots, shift, granule, wholes)
        if length is not None and base + length <= top:
            return top - base, length
        base -= step


@functools.cache
def _length(residue: int, period: int, size: int, slots: int, shift: int, granule: int, wholes: Wholes) -> int | None:
    """The least that is granted from a base congruent to ``residue``, or ``None``."""
    base = residue + period
    step = granule
    while step <= next_power_of_two(max(size, granule)):
        end = align_up(base + size, step)
        if step == granule or end != align_up(base + size, step >> 1):
            plain = runs.uncut(base, end, shift, wholes, slots)
            if plain is not None or _pieces(base, end, shift, granule, wholes, slots) is not None:
                return end - base
        step <<= 1
    return None


@functools.cache
def _least_signed(units: int, shift: int, terms: int) -> int:
    """The least sum, ``units`` or more, of at most ``terms`` runs, each added or taken away. In granules.

    ``units`` may be negative. A term of more than twice the sum would be undone by another of its size.
    """
    most = 1 << shift
    if terms == 1:
        if units > 0:
            return runs.least_total(units, shift, 1)
        exponents = range((-units).bit_length())
        return -max((min(-units >> exponent, most) << exponent for exponent in exponents), default=0)
    best = _least_signed(units, shift, terms - 1)
    for exponent in range(abs(units).bit_length() + 2):
        for count in range(most // 2 + 1 if exponent else 1, most + 1):
            for term in (count << exponent, -count << exponent):
                if best == units:
                    return best
                best = min(best, term + _least_signed(units - term, shift, terms - 1))
    return best
