"""The lock's placement as a layout, where it still answers the question."""

from __future__ import annotations

import itertools

from layoutplan.address import AddressRange
from layoutplan.model.lock import Lock
from layoutplan.solve.joint import Layout, layout_of
from layoutplan.solve.problem import Item, Problem
from layoutplan.solve.shared_bounds import shared


def locked_place(problem: Problem, item: Item, lock: Lock) -> tuple[int, AddressRange] | None:
    """The memory and range of ``item`` in ``lock``, when they still suit the block by themselves."""
    locked = lock.blocks.get(item.block.name)
    if locked is None or locked.memory not in item.block.memories:
        return None
    home, granted = problem.space(locked.memory), locked.granted
    if granted.base % item.block.align or granted.size < item.block.size:
        return None
    if item.block.pin is not None and item.block.pin != granted.base:
        return None
    if not item.charged and granted.size != item.block.size:
        return None
    if item.charged and problem.unit.cover(granted, item.wholes) is None:
        return None
    if not any(interval.contains(granted) for interval in problem.spaces[home].free):
        return None
    return home, granted


def kept(problem: Problem, lock: Lock) -> Layout | None:
    """The whole lock as a layout; ``None`` as soon as one block cannot stay or one budget is exceeded."""
    places = [locked_place(problem, item, lock) for item in problem.items]
    found = [place for place in places if place is not None]
    if len(found) < len(places):
        return None
    layout = layout_of(problem, tuple(home for home, _ in found), tuple(granted for _, granted in found))
    return layout if not conflicts(problem, layout) else None


def conflicts(problem: Problem, layout: Layout) -> bool:
    """Whether two blocks overlap or a partition's regions exceed its budget."""
    ordered = sorted(layout.ranges)
    if any(lower.overlaps(upper) for lower, upper in itertools.pairwise(ordered)):
        return True
    return any(
        sum(layout.slots[item.index] for item in problem.items if partition in item.charged)
        - shared(problem, layout.ranges, partition)
        > budget
        for partition, budget in enumerate(problem.budgets)
    )
