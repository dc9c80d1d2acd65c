"""Choices of slots for every block of one choice of memories, with the least padding that each allows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.joint import Joint
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Item

Slots = tuple[tuple[int, int], ...]
"""``(item, slots)`` pairs."""


@dataclass(frozen=True, slots=True)
class Splits:
    """What is open once the shared blocks have their slots: ``cost`` of these, and each partition's ways to go on.

    Costs are weighted bytes of padding; ``own`` lists ``(cost, slots)`` by partition, cheapest first.
    """

    cost: int
    chosen: Slots
    own: tuple[tuple[tuple[int, Slots], ...], ...]


class Assignments:
    """More slots never hurt a block, so every choice spends all that a partition has. Pinned blocks have none."""

    def __init__(self, joint: Joint) -> None:
        self._joint = joint
        problem, slots = joint.problem, joint.floor.slots
        assert slots is not None
        loose = [item for item in problem.items if item.index not in joint.pinned]
        self.shared = [item for item in loose if len(item.charged) > 1]
        self._free = tuple((item.index, 1) for item in loose if not item.charged)
        self._own = [[item for item in loose if item.charged == (p,)] for p in range(len(problem.partitions))]
        self._rooms = list(problem.budgets)
        for index in joint.pinned:
            for partition in problem.items[index].charged:
                self._rooms[partition] -= slots[index]
        self.pinned_cost = sum(
            problem.weights[joint.homes[index]] * (granted.size - problem.items[index].block.size)
            for index, granted in joint.pinned.items()
        )

    def cost(self, item: Item, slots: int) -> int | None:
        """Weighted bytes of padding that ``item`` has at least in ``slots`` slots; ``None`` when they never do."""
        least = self._joint.placer.least(Placer.shape(item), slots)
        if least is None:
            return None
        return self._joint.problem.weights[self._joint.homes[item.index]] * (least - item.block.size)

    def given(self, picked: Sequence[int]) -> Splits | None:
        """With ``picked`` slots for the shared blocks; ``None`` when a partition cannot go on."""
        left = list(self._rooms)
        cost = self.pinned_cost
        for item, slots in zip(self.shared, picked, strict=True):
            own = self.cost(item, slots)
            if own is None:
                return None
            cost += own
            for partition in item.charged:
                left[partition] -= slots
        splits = tuple(tuple(self._splits(items, room)) for items, room in zip(self._own, left, strict=True))
        if min(left, default=0) < 0 or not all(splits):
            return None
        chosen = tuple((item.index, slots) for item, slots in zip(self.shared, picked, strict=True))
        return Splits(cost, (*self._free, *chosen), splits)

    def _splits(self, items: Sequence[Item], room: int) -> list[tuple[int, Slots]]:
        """Every way to spend ``room`` on ``items``, by cost."""
        if not items:
            return [(0, ())]
        found = []
        total = min(room, MOST_SLOTS * len(items))
        for counts in itertools.product(range(1, MOST_SLOTS + 1), repeat=len(items) - 1):
            last = total - sum(counts)
            if 1 <= last <= MOST_SLOTS:
                split = tuple((item.index, slots) for item, slots in zip(items, (*counts, last), strict=True))
                costs = [self.cost(item, slots) for item, (_, slots) in zip(items, split, strict=True)]
                if all(cost is not None for cost in costs):
                    found.append((sum(cost for cost in costs if cost is not None), split))
        return sorted(found)
