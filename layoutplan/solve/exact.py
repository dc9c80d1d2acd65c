"""All memories together, exactly: every choice of slots whose floor is below the best layout known, each sequenced."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.solve.assignments import Assignments, Slots
from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.joint import Joint, Layout
from layoutplan.solve.placer import Placer
from layoutplan.solve.sequence import MOST_BLOCKS, Fixed, Sequenced, sequence


@dataclass(frozen=True, slots=True)
class Proof:
    """``layout`` is the best found. When ``complete`` none is better; without a layout, none exists."""

    layout: Layout | None
    complete: bool


class Exact:
    """The exact search for one choice of memories. Pinned blocks keep the slots that the floor gave them."""

    def __init__(self, joint: Joint, effort: Effort) -> None:
        self._joint = joint
        self._assignments = Assignments(joint)
        self._problem = joint.problem
        self._placer = joint.placer
        self._effort = effort
        self._known: dict[tuple[int, Slots], tuple[int, Sequenced]] = {}
        self._limit: int | None = None
        self._complete = self._pins_have_no_choice()

    def best(self, incumbent: Layout | None, *, any_will_do: bool = False) -> Proof:
        """The best layout at all, or ``incumbent`` when none is better; with ``any_will_do`` the first found."""
        joint = self._joint
        if any(len(joint.loose(home)) > MOST_BLOCKS for home in joint.free):
            return Proof(incumbent, False)
        if not joint.pins_stand():
            return Proof(incumbent, self._complete)
        best = incumbent
        self._limit = None if best is None else best.value - 1
        for assignment in self._choices():
            self._effort.spend(1)
            found = self._sequenced(assignment)
            if found is not None and (best is None or found.value < best.value):
                best = found
                self._limit = found.value - 1
                if best.value <= joint.floor.bound:
                    return Proof(best, True)
                if any_will_do:
                    return Proof(best, False)
            if self._effort.exhausted:
                return Proof(best, False)
        return Proof(best, self._complete)

    def _pins_have_no_choice(self) -> bool:
        """A pinned block's end depends on its slots, which are not varied here."""
        return all(
            len(self._joint.options[index]) <= 1 or not self._problem.items[index].charged
            for index in self._joint.pinned
        )

    def _choices(self) -> Iterator[Slots]:
        """Every choice of slots that may still beat the limit."""
        assignments = self._assignments
        for picked in itertools.product(range(1, MOST_SLOTS + 1), repeat=len(assignments.shared)):
            self._effort.spend(1)
            if self._effort.exhausted:
                return
            splits = assignments.given(picked)
            if splits is not None:
                yield from self._combined(splits.own, splits.cost, splits.chosen)

    def _combined(self, splits: Sequence[Sequence[tuple[int, Slots]]], cost: int, chosen: Slots) -> Iterator[Slots]:
        """One split of each partition, while the floor of the whole can still beat the limit."""
        if not splits:
            yield chosen
            return
        rest = sum(options[0][0] for options in splits[1:])
        for own, split in splits[0]:
            self._effort.spend(1)
            if self._effort.exhausted or (self._limit is not None and cost + own + rest > self._limit):
                return
            yield from self._combined(splits[1:], cost + own, (*chosen, *split))

    def _sequenced(self, assignment: Slots) -> Layout | None:
        """The best layout with these slots that beats the limit."""
        problem, joint = self._problem, self._joint
        slots = dict(assignment)
        floors: dict[int, int] = {}
        for home in joint.free:
            costs = [self._assignments.cost(item, slots[item.index]) for item in joint.loose(home)]
            floors[home] = sum(cost for cost in costs if cost is not None)
        laid: dict[int, AddressRange] = {}
        for home in joint.free:
            weight = problem.weights[home]
            others = sum(floors.values()) - floors[home] + self._assignments.pinned_cost
            limit = None if self._limit is None else self._waste_within(self._limit - others, weight)
            if limit is not None and limit < 0:
                return None
            answer = self._memory(home, slots, limit)
            if answer.laid is None:
                return None
            floors[home] = weight * answer.waste
            laid |= {block.index: AddressRange(block.base, block.end) for block in answer.laid}
        return joint.layout(laid)

    @staticmethod
    def _waste_within(value: int, weight: int) -> int | None:
        """The most wasted bytes whose weighted value is at most ``value``; a memory of no weight has no limit."""
        return value // weight if weight else None

    def _memory(self, home: int, slots: Mapping[int, int], limit: int | None) -> Sequenced:
        """The best sequence in one memory, remembered with the limit under which it was sought."""
        blocks = sorted(
            (Fixed(item.index, Placer.shape(item), slots[item.index]) for item in self._joint.loose(home)),
            key=lambda block: (-block.shape[0], block.slots, self._problem.items[block.index].block.name),
        )
        key = (home, tuple((block.index, block.slots) for block in blocks))
        room = -1 if limit is None else limit
        if key in self._known:
            sought, answer = self._known[key]
            if answer.laid is not None or sought == -1 or (room != -1 and room <= sought):
                within = answer.laid is not None and (limit is None or answer.waste <= limit)
                return answer if within or answer.laid is None else Sequenced(None, 0, True)
        answer = sequence(blocks, self._joint.free[home], self._placer, limit, self._effort)
        if answer.complete:
            self._known[key] = (room, answer)
        else:
            self._complete = False
        return answer
