"""All memories together under one slot budget per partition."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange, subtract
from layoutplan.solve import dive, reinsert
from layoutplan.solve.beam import run
from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import MOST_SLOTS, Floor, Options, best_splits, pinned_end, within
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Item, Problem
from layoutplan.solve.tries import Laid, Piece, Question

FIRST = ((4, 5),)
NARROW = ((4, 2), (16, 5))
MIDDLE = ((16, 2), (16, 8))
WIDE = ((64, 5), (64, 2), (64, 8), (256, 5), (256, 2), (256, 8))
"""Widths and tenths of the losses ahead, in the order in which they are tried. The first always runs to its end."""

IMPOSSIBLE = 1 << 80
"""A charge that no layout pays."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Every item's granted range and its slots, by item index; ``value`` in weighted bytes of padding and gaps."""

    ranges: tuple[AddressRange, ...]
    homes: tuple[int, ...]
    slots: tuple[int, ...]
    value: int

    @property
    def rank(self) -> tuple[int, int, tuple[int, ...]]:
        """Less is better: waste, then slots, then high addresses."""
        return self.value, sum(self.slots), tuple(-granted.base for granted in self.ranges)


class Joint:
    """The search for one choice of memories."""

    def __init__(
        self,
        problem: Problem,
        placer: Placer,
        homes: tuple[int, ...],
        options: Options,
        floor: Floor,
        fixed: Mapping[int, AddressRange] | None = None,
    ) -> None:
        assert floor.slots is not None
        self.problem = problem
        self.placer = placer
        self.homes = homes
        self.options = options
        self.floor = floor
        self.pinned: dict[int, AddressRange] = dict(fixed or {})
        for item in problem.items:
            if item.block.pin is not None and item.index not in self.pinned:
                size = pinned_end(problem, item, floor.slots[item.index]) if item.charged else item.block.size
                assert size is not None
                self.pinned[item.index] = AddressRange.of(item.block.pin, size)
        self.free = {
            home: tuple(
                piece
                for interval in problem.spaces[home].free
                for piece in subtract(interval, [r for i, r in self.pinned.items() if homes[i] == home])
            )
            for home in sorted(set(homes))
        }

    def search(
        self,
        effort: Effort,
        passes: Sequence[tuple[int, int]],
        *,
        best: Layout | None = None,
        any_will_do: bool = False,
    ) -> Layout | None:
        """The best layout found, ``best`` or better; stops at the floor, or at the first. ``None``: none found."""
        if not self.pins_stand():
            return None
        memories = [home for home in self.free if self.loose(home)]
        for width, alpha in passes:
            for order in itertools.permutations(memories):
                if best is not None and (any_will_do or best.value <= self.floor.bound or effort.exhausted):
                    return best
                for beta in (3, 1) if len(memories) > 1 else (3,):
                    found = self._pass(order, width, alpha, beta, effort)
                    if found is not None and (best is None or found.rank < best.rank):
                        best = found
                    if best is not None and best.value <= self.floor.bound:
                        return best
        return best

    def pins_stand(self) -> bool:
        """Whether every pinned block is inside its memory's free intervals and off the other pinned ones."""
        inside = all(
            any(interval.contains(granted) for interval in self.problem.spaces[self.homes[index]].free)
            for index, granted in self.pinned.items()
        )
        apart = all(not lower.overlaps(upper) for lower, upper in itertools.pairwise(sorted(self.pinned.values())))
        return inside and apart

    def dive(self, effort: Effort, best: Layout | None, turns: Sequence[int]) -> Layout | None:
        """A layout below ``best`` from depth-first searches that may lose ever more, or ``best``."""
        if not self.pins_stand():
            return best
        memories = [home for home in self.free if self.loose(home)]
        for turn in turns:
            for order in itertools.permutations(memories):
                if best is not None and (best.value <= self.floor.bound or effort.exhausted):
                    return best
                slack = IMPOSSIBLE - 1 if best is None else best.value - 1 - self.floor.bound
                first = (slack, 0, slack // 4)[turn % 3] if best is not None else slack
                layout = self._dived(order, first, slack, turn, effort)
                if layout is not None and (best is None or layout.rank < best.rank):
                    best = layout
        return best

    def reinserted(self, effort: Effort, best: Layout, rounds: int) -> Layout:
        """A layout below ``best`` from taking out a few blocks of one memory after the other, or ``best``."""
        for home in self.free:
            if best.value <= self.floor.bound or effort.exhausted:
                break
            laid = {item.index: best.ranges[item.index] for item in self.problem.items if item.index not in self.pinned}
            others = {index: granted for index, granted in laid.items() if self.homes[index] != home}
            here = [Laid(index, r.base, r.end) for index, r in laid.items() if self.homes[index] == home]
            found = reinsert.improved(self._question(home, [], others, 0), self.placer, here, rounds, effort)
            layout = None if found is None else self.layout(others | _ranges(found))
            if layout is not None and layout.rank < best.rank:
                best = layout
        return best

    def _dived(self, order: Sequence[int], first: int, slack: int, turn: int, effort: Effort) -> Layout | None:
        """One memory after the other: the first may lose ``first``, the others what is left of ``slack``."""
        laid: dict[int, AddressRange] = {}
        for position, home in enumerate(order):
            later = [item for other in order[position + 1 :] for item in self.loose(other)]
            spare = slack if position else first
            found = dive.run(self._question(home, later, laid, 0), self.placer, spare, turn, effort)
            if found is None:
                return None
            laid |= _ranges(found[0])
            slack -= found[1]
        return self.layout(laid)

    def loose(self, home: int) -> list[Item]:
        """The items of one memory that are not pinned."""
        return [item for item in self.problem.items if self.homes[item.index] == home and item.index not in self.pinned]

    def _pass(self, order: Sequence[int], width: int, alpha: int, beta: int, effort: Effort) -> Layout | None:
        laid: dict[int, AddressRange] = {}
        for position, home in enumerate(order):
            later = [item for other in order[position + 1 :] for item in self.loose(other)]
            found = run(self._question(home, later, laid, beta), self.placer, width, alpha, effort)
            if found is None:
                return None
            laid |= _ranges(found)
        layout = self.layout(laid)
        stale = 0
        for home in itertools.cycle(order):
            if stale == len(order) or layout.value <= self.floor.bound:
                break
            others = {index: r for index, r in laid.items() if self.homes[index] != home}
            found = run(self._question(home, [], others, beta), self.placer, width, alpha, effort)
            changed = None if found is None else self.layout(others | _ranges(found))
            if changed is not None and (changed.value, sum(changed.slots)) < (layout.value, sum(layout.slots)):
                layout, laid, stale = changed, others | _ranges(found or ()), 0
            else:
                stale += 1
        return layout

    def _question(self, home: int, later: Sequence[Item], laid: Mapping[int, AddressRange], beta: int) -> Question:
        """Rooms left in ``home`` by what is ``laid``, and what each slot spent there costs the ``later`` items."""
        problem, floor = self.problem, self.floor
        assert floor.slots is not None
        here = self.loose(home)
        rooms: list[int] = []
        charges: list[tuple[int, ...]] = []
        for partition, budget in enumerate(problem.budgets):
            left = budget
            waiting: list[list[tuple[int, int]]] = []
            for item in problem.items:
                if partition not in item.charged or item in here:
                    continue
                if item.index in laid:
                    left -= slots_of(self.problem, item, laid[item.index])
                elif item.index in self.pinned or len(item.charged) > 1 or item not in later:
                    left -= floor.slots[item.index]
                else:
                    waiting.append(self._expected(item, beta, budget))
            left = min(left, sum(partition in item.charged for item in here) * MOST_SLOTS + len(waiting) * MOST_SLOTS)
            splits = [within(best_splits(waiting, left), left - spent) for spent in range(left + 1)]
            row = [split[0] if split is not None else IMPOSSIBLE for split in splits]
            rooms.append(max((spent for spent, cost in enumerate(row) if cost < IMPOSSIBLE), default=-1))
            charges.append(tuple(row))
        pieces = [
            Piece(
                item.index,
                Placer.shape(item),
                item.charged,
                min((MOST_SLOTS, *(rooms[partition] for partition in item.charged))) if item.charged else 1,
            )
            for item in sorted(here, key=lambda item: (-item.block.size, item.block.name))
        ]
        return Question(tuple(pieces), self.free[home], problem.weights[home], tuple(rooms), tuple(charges))

    def _expected(self, item: Item, beta: int, most: int) -> list[tuple[int, int]]:
        shape, weight = Placer.shape(item), self.problem.weights[self.homes[item.index]]
        options = []
        for slots in range(1, min(most, MOST_SLOTS) + 1):
            least = self.placer.least(shape, slots)
            if least is not None:
                loss = 10 * (least - item.block.size) + beta * self.placer.hard(shape, slots)
                options.append((slots, weight * loss // 10))
        return options

    def layout(self, laid: Mapping[int, AddressRange]) -> Layout:
        """The pinned blocks and ``laid`` together."""
        placed = self.pinned | dict(laid)
        return layout_of(self.problem, self.homes, tuple(placed[item.index] for item in self.problem.items))


def slots_of(problem: Problem, item: Item, granted: AddressRange) -> int:
    """The slots that ``granted`` really takes; one where no slot is ever spent."""
    if not item.charged:
        return 1
    cover = problem.unit.cover(granted, item.wholes)
    assert cover is not None
    return problem.unit.cost(cover)


def layout_of(problem: Problem, homes: tuple[int, ...], ranges: tuple[AddressRange, ...]) -> Layout:
    """The layout with its slots and its value: all padding, and each memory's gaps above its lowest unpinned block."""
    slots = tuple(slots_of(problem, item, granted) for item, granted in zip(problem.items, ranges, strict=True))
    value = 0
    for home, space in enumerate(problem.spaces):
        here = [item for item in problem.items if homes[item.index] == home]
        loose = [ranges[item.index] for item in here if item.block.pin is None]
        granted = sum(ranges[item.index].size for item in here)
        waste = granted - sum(item.block.size for item in here)
        if loose:
            owned = [*space.reserved, *(ranges[item.index] for item in here)]
            span = AddressRange(min(piece.base for piece in loose), space.range.end)
            waste += sum(hole.size for hole in subtract(span, owned))
        value += problem.weights[home] * waste
    return Layout(ranges, homes, slots, value)


def _ranges(laid: Sequence[Laid]) -> dict[int, AddressRange]:
    return {block.index: AddressRange(block.base, block.end) for block in laid}


def compacted(problem: Problem, placer: Placer, layout: Layout) -> Layout:
    """The same order and slots with every unpinned block at its highest place; never worse."""
    ranges = list(layout.ranges)
    for home, space in enumerate(problem.spaces):
        here = [item for item in problem.items if layout.homes[item.index] == home]
        pins = [ranges[item.index] for item in here if item.block.pin is not None]
        free = tuple(piece for interval in space.free for piece in subtract(interval, pins))
        top = space.range.end
        for item in sorted(here, key=lambda item: ranges[item.index], reverse=True):
            if item.block.pin is None:
                place = placer.below(Placer.shape(item), layout.slots[item.index], top, free)
                assert place is not None, "a block's own place is one of those below the block above it"
                ranges[item.index] = AddressRange(*place)
                top = place[0]
    return layout_of(problem, layout.homes, tuple(ranges))
