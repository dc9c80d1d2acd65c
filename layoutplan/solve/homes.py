"""Which memory each block lives in: the preferred one wherever that fits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.joint import Joint, Layout
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem

Homes = tuple[int, ...]


def choices(problem: Problem) -> Iterator[Homes]:
    """Every assignment of memories, those that follow more of the preferences first.

    An assignment's rank is the sum of its blocks' places in their own lists, then the bytes that are moved.
    """
    lists = [problem.homes(item) for item in problem.items]
    start = tuple(0 for _ in lists)
    queue = [(0, 0, start)]
    seen = {start}
    while queue:
        _, _, ranks = heapq.heappop(queue)
        yield tuple(homes[rank] for homes, rank in zip(lists, ranks, strict=True))
        for index, homes in enumerate(lists):
            if ranks[index] + 1 < len(homes):
                after = (*ranks[:index], ranks[index] + 1, *ranks[index + 1 :])
                if after not in seen:
                    seen.add(after)
                    moved = sum(problem.items[i].block.size for i, rank in enumerate(after) if rank)
                    heapq.heappush(queue, (sum(after), moved, after))


def fits_by_size(problem: Problem, homes: Homes) -> bool:
    """Whether the bytes asked of each memory are at most those it has free."""
    need = [0] * len(problem.spaces)
    for item, home in zip(problem.items, homes, strict=True):
        need[home] += item.block.size
    return all(
        asked <= sum(interval.size for interval in space.free)
        for asked, space in zip(need, problem.spaces, strict=True)
    )


def proposals(problem: Problem, placer: Placer, effort: Effort) -> Iterator[Layout]:
    """Layouts that the search finds, those of the preferred memories first."""
    for homes in choices(problem):
        effort.spend(1)
        if effort.exhausted:
            return
        if not fits_by_size(problem, homes):
            continue
        floor = floor_of(problem, padding_options(problem, placer, homes))
        if floor.slots is None:
            continue
        layout = Joint(problem, placer, homes, floor).search(effort)
        if layout is not None:
            yield layout
