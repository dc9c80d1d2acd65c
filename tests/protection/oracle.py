"""Brute force over a tiny address space: every legal region listed, every cover walked; no code of the planner's.

Positions are in granules. A unit is its set of legal regions, each with the slots it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Region = tuple[int, int]
Wholes = tuple[tuple[int, int], ...]

NEVER = 1 << 20


def subregion_regions(space: int) -> Iterator[Region]:
    """PMSAv7 in granules of 32 B: every aligned region with eight subregions, every contiguous choice of them.

    A region of 256 B has subregions of one granule. Regions reach past the space as long as a subregion is inside.
    """
    size = 8
    while size <= 8 * space:
        step = size // 8
        for base in range(0, space, size):
            for first in range(8):
                for last in range(first, 8):
                    region = base + first * step, base + (last + 1) * step
                    if region[1] <= space:
                        yield region
        size *= 2
    for base in range(space):  # whole regions of 32, 64 and 128 B have no subregions
        for small in (1, 2, 4):
            if base % small == 0 and base + small <= space:
                yield base, base + small


def naturally_aligned_regions(space: int) -> Iterator[Region]:
    """PMP NAPOT (and NA4): every power of two at a multiple of itself."""
    size = 1
    while size <= space:
        for base in range(0, space - size + 1, size):
            yield base, base + size
        size *= 2


def every_range(space: int) -> Iterator[Region]:
    """PMSAv8 and TOR: any base, any end."""
    for base in range(space):
        for end in range(base + 1, space + 1):
            yield base, end


@dataclass
class Oracle:
    """Answers by walking. ``regions`` gives the slots of every legal region inside ``[0, space)``."""

    space: int
    regions: Mapping[Region, int]
    _from: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _distances: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (base, end), slots in sorted(self.regions.items()):
            self._from.setdefault(base, []).append((end, slots))

    def slots_from(self, base: int, wholes: Wholes = ()) -> list[int]:
        """For every end, the fewest slots of a cover of exactly ``[base, end)``. ``wholes`` are offsets from ``base``.

        Ends inside a whole are crossed only by the region that goes on past it.
        """
        if not wholes and base in self._distances:
            return self._distances[base]
        best = [NEVER] * (self.space + 1)
        best[base] = 0
        for position in range(base, self.space):
            if best[position] == NEVER or (
                position > base and any(low < position - base < high for low, high in wholes)
            ):
                continue
            for end, slots in self._from.get(position, ()):
                best[end] = min(best[end], best[position] + slots)
        if not wholes:
            self._distances[base] = best
        return best

    def fewest(self, base: int, end: int, wholes: Wholes = ()) -> int:
        """The fewest slots for exactly ``[base, end)``; ``NEVER`` when there is no cover."""
        return self.slots_from(base, wholes)[end]

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> Region | None:
        """Greatest base, then least end."""
        for base in range(top - size, -1, -1):
            if base % align == 0:
                counts = self.slots_from(base, wholes)
                for end in range(base + size, top + 1):
                    if counts[end] <= slots:
                        return base, end
        return None

    def least_granted(self, size: int, slots: int) -> int:
        """The least granted size over all bases."""
        return min(
            end - base
            for base in range(self.space)
            for end in range(base + size, self.space + 1)
            if self.slots_from(base)[end] <= slots
        )

    def enclosing(self, base: int, end: int, slots: int) -> Region | None:
        """The smallest range, then the greatest base, that holds ``[base, end)``."""
        choices = [
            (high - low, -low)
            for low in range(base + 1)
            for high in range(end, self.space + 1)
            if self.slots_from(low)[high] <= slots
        ]
        if not choices:
            return None
        size, low = min(choices)
        return -low, -low + size
