"""Every layout of a tiny system, tried one by one. Shares nothing with the planner but the model.

Addresses are in granules, of 32 bytes where nothing else is said. A cover's cost is found by trying every cut, from
each unit's own rule for one region.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.model.access import UnitName

GRANULE = 32
MANY = 99


def one_region(unit: UnitName, modes: frozenset[str], base: int, end: int, grain: int = GRANULE) -> int:
    """Slots of a single region that matches exactly ``[base, end)`` granules; ``MANY`` when none does."""
    size = end - base
    if unit is UnitName.ARMV8M:
        return 1
    if unit is UnitName.PMP:
        mode = "na4" if size * grain == 4 else "napot"
        if mode in modes and size & (size - 1) == 0 and base % size == 0:
            return 1
        return 2 if "tor" in modes else MANY
    # Armv6-M and Armv7-M: some of the eight subregions, in a row, of a region of 8 * step granules.
    step = 1
    while step <= size:
        if base % step == 0 and end % step == 0 and base // (8 * step) == (end - 1) // (8 * step):
            return 1
        step *= 2
    return MANY


@functools.cache
def runs_cost(unit: UnitName, modes: frozenset[str], base: int, end: int, grain: int = GRANULE) -> int:
    """The fewest slots that match ``[base, end)``, over every way to cut it."""
    if base == end:
        return 0
    best = one_region(unit, modes, base, end, grain)
    for cut in range(base + 1, end):
        best = min(best, runs_cost(unit, modes, base, cut, grain) + runs_cost(unit, modes, cut, end, grain))
    return best


@functools.cache
def cover_cost(
    unit: UnitName,
    modes: frozenset[str],
    room: tuple[int, int],
    base: int,
    end: int,
    *,
    whole: bool = False,
    grain: int = GRANULE,
) -> int:
    """The fewest slots that grant ``[base, end)``, a ``whole`` one by one region alone.

    Over every larger range inside ``room`` whose surplus is denied, where of overlapping regions one decides.
    """
    granting = one_region if whole else runs_cost
    best = granting(unit, modes, base, end, grain)
    if unit is not UnitName.PMP or best == 1:
        return best
    for low in range(room[0], base + 1):
        below = runs_cost(unit, modes, low, base, grain)
        for high in range(end, room[1] + 1):
            if below < best:
                above = runs_cost(unit, modes, end, high, grain)
                best = min(best, granting(unit, modes, low, high, grain) + below + above)
    return best


@dataclass(frozen=True)
class Tiny:
    """One memory: ``[base, end)`` granules, some of them held, and the bytes asked by each partition.

    ``whole`` blocks have no seam. Bases of blocks are multiples of ``align`` granules of ``grain`` bytes.
    """

    base: int
    end: int
    held: tuple[tuple[int, int], ...]
    asked: tuple[int, ...]
    whole: bool = False
    grain: int = GRANULE
    align: int = 1


def layouts(unit: UnitName, modes: frozenset[str], memory: Tiny, most: int) -> Mapping[tuple[int, ...], int]:
    """The least waste in bytes, by the slots that each partition's block takes."""
    places: list[list[tuple[int, int, int]]] = []
    room = (memory.base, memory.end)
    for size in memory.asked:
        need = -(-size // memory.grain)
        places.append(
            [
                (base, end, cost)
                for base in range(memory.base, memory.end)
                for end in range(base + need, memory.end + 1)
                if base % memory.align == 0
                and all(end <= low or high <= base for low, high in memory.held)
                and (cost := cover_cost(unit, modes, room, base, end, whole=memory.whole, grain=memory.grain)) <= most
            ]
        )
    best: dict[tuple[int, ...], int] = {}
    for chosen in _apart(places, ()):
        lowest = min(base for base, _, _ in chosen)
        held = sum(max(0, high - max(low, lowest)) for low, high in memory.held)
        waste = (memory.end - lowest - held) * memory.grain - sum(memory.asked)
        slots = tuple(cost for _, _, cost in chosen)
        best[slots] = min(best.get(slots, waste), waste)
    return best


def _apart(
    places: Sequence[Sequence[tuple[int, int, int]]], chosen: tuple[tuple[int, int, int], ...]
) -> Iterator[tuple[tuple[int, int, int], ...]]:
    """Every choice of one place for each block, no two of which overlap."""
    if len(chosen) == len(places):
        yield chosen
        return
    for place in places[len(chosen)]:
        if all(place[1] <= base or end <= place[0] for base, end, _ in chosen):
            yield from _apart(places, (*chosen, place))


def best_waste(unit: UnitName, modes: frozenset[str], memories: Sequence[Tiny], budgets: Sequence[int]) -> int | None:
    """The least bytes wasted in all memories within every partition's budget; ``None``: no layout."""
    tables = [layouts(unit, modes, memory, max(budgets)) for memory in memories]
    return min(
        (
            sum(waste for _, waste in chosen)
            for chosen in itertools.product(*(table.items() for table in tables))
            if all(sum(slots[p] for slots, _ in chosen) <= budget for p, budget in enumerate(budgets))
        ),
        default=None,
    )
