"""Several ranges of one partition in one slot: a region that holds them all, with the subregions between disabled.

A disabled subregion does not match (DDI 0403, RASR.SRD), so what lies between is left to the background and to other
regions: unlike an overlay, such a hole takes nothing from anybody. The other units have no holes; there ranges are
only joined where they adjoin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection.armv7m import LEAST_DIVISIBLE, SUBREGIONS, Pmsav7
from layoutplan.protection.overlay import without_overlays
from layoutplan.protection.unit import ProtectionUnit

Group = tuple[AddressRange, ...]
"""What one region or one cover's piece matches: ascending, disjoint, with bytes between that it does not match."""


def cover_together(unit: ProtectionUnit, needed: Iterable[AddressRange]) -> tuple[Group, ...] | None:
    """The fewest slots that match exactly the union of ``needed``, one item a region, ascending.

    On PMSAv7 the number is the least there is: an exact set cover. ``None`` where no cover is exact.
    """
    unit, union = without_overlays(unit), merge(needed)
    pieces: list[AddressRange] = []
    for range_ in union:
        cover = unit.cover(range_)
        if cover is None:
            return None
        pieces += cover
    if not isinstance(unit, Pmsav7):
        return tuple((piece,) for piece in pieces)
    candidates = _candidates(union)
    chosen = _fewest_sets(candidates, len(pieces))
    return tuple(sorted(chosen))


def encode_together(
    unit: ProtectionUnit,
    group: Group,
    access: Access,
    type: MemoryType,  # noqa: A002 - the field's name
    shareable: bool,
) -> tuple[Words, ...]:
    """The words of one item of :func:`cover_together`. ``ValueError`` when one region cannot match exactly it."""
    unit = without_overlays(unit)
    if len(group) == 1:
        return unit.encode(group[0], access, type, shareable)
    if isinstance(unit, Pmsav7):
        for base, size in _blocks_around(group):
            if _inside(base, size, group) == group:
                return unit.encode_subregions(base, size, group, access, type, shareable)
    raise ValueError(f"no {unit.name} region matches exactly {', '.join(map(str, group))}")


def _blocks_around(group: Group) -> Iterator[tuple[int, int]]:
    """Bases and sizes of the aligned blocks that hold all of ``group``, smallest first."""
    size = LEAST_DIVISIBLE
    while size <= ADDRESS_SPACE_END:
        base = group[0].base & -size
        if group[-1].end <= base + size:
            yield base, size
        size <<= 1


def _inside(base: int, size: int, union: Sequence[AddressRange]) -> Group:
    """The subregions of a region that lie in ``union`` with all their bytes, as few ranges."""
    step = size // SUBREGIONS
    subregions = (AddressRange.of(base + index * step, step) for index in range(SUBREGIONS))
    return merge(each for each in subregions if any(range_.contains(each) for range_ in union))


def _candidates(union: Sequence[AddressRange]) -> tuple[Group, ...]:
    """What regions can match inside ``union``, leaving out what another matches and more.

    A region wholly inside is no better than the one twice as large when that is inside too. So only those count that
    hold an edge of the union, or are half of one that does.
    """
    found: set[Group] = set()
    edges = {edge for range_ in union for edge in (range_.base, range_.last)}
    size = LEAST_DIVISIBLE
    while size <= ADDRESS_SPACE_END:
        halves = {
            base
            for edge in edges
            for base in (edge & -(2 * size), (edge & -(2 * size)) + size)
            if base + size <= ADDRESS_SPACE_END
        }
        found |= {group for base in halves if (group := _inside(base, size, union))}
        size <<= 1
    return tuple(found)


def _fewest_sets(candidates: Sequence[Group], limit: int) -> tuple[Group, ...]:
    """The fewest of ``candidates`` with the union of all; at most ``limit`` are known to do."""
    edges = sorted({edge for group in candidates for range_ in group for edge in (range_.base, range_.end)})
    number = {edge: index for index, edge in enumerate(edges)}
    masks: dict[int, Group] = {}
    for group in sorted(candidates):
        mask = sum((1 << number[range_.end]) - (1 << number[range_.base]) for range_ in group)
        masks[mask] = group
    useful = [mask for mask in masks if not any(mask != other and mask & ~other == 0 for other in masks)]
    everything = 0
    for mask in useful:
        everything |= mask

    def search(left: int, slots: int) -> tuple[int, ...] | None:
        if left == 0:
            return ()
        if slots == 0:
            return None
        lowest = left & -left
        for mask in useful:
            if mask & lowest:
                rest = search(left & ~mask, slots - 1)
                if rest is not None:
                    return (mask, *rest)
        return None

    for slots in range(1, limit + 1):
        chosen = search(everything, slots)
        if chosen is not None:
            return tuple(masks[mask] for mask in chosen)
    raise AssertionError("the pieces of the separate covers are among the candidates")
