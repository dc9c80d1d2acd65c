"""Towards the floor: a depth-first search for a packing that loses next to nothing, the hardest blocks first.

Where a layout at the floor exists, every set of placed blocks in it ends exactly at the sum of their least sizes, so
a set that failed once need not be tried again. The beam keeps many sets alive; this follows one to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.solve.beam import FIELD, Laid, Piece, Question, above, crowds
from layoutplan.solve.effort import Effort
from layoutplan.solve.placer import Placer

NODES = 400
"""Sets visited in one dive. One that succeeds at all mostly does so within a few dozen."""


@dataclass(frozen=True, slots=True)
class Option:
    """One number of slots for a piece: ``cost`` in weighted bytes beyond the piece's cheapest, here and elsewhere."""

    slots: int
    least: int
    cost: int


@dataclass(frozen=True, slots=True)
class State:
    """A set of placed pieces, the lowest base, the slots spent (packed, by partition), and the weighted bytes lost."""

    placed: int
    base: int
    spent: int
    ideal: int
    extra: int


def run(
    question: Question, placer: Placer, spare: int, turn: int, effort: Effort
) -> tuple[tuple[Laid, ...], int] | None:
    """A layout that costs at most ``spare`` weighted bytes above the floor, here and elsewhere, and what it costs.

    ``None`` when none was found.

    ``turn`` varies the order in which equally good pieces are tried; the same turn gives the same answer.
    """
    if not question.pieces:
        return (), 0
    options = [tuple(_options(question, placer, piece)) for piece in question.pieces]
    if not question.free or not all(options):
        return None
    return _Dive(question, placer, options, spare, turn).run(effort)


def _options(question: Question, placer: Placer, piece: Piece) -> Iterator[Option]:
    """The numbers of slots that the piece may use, each with its cost relative to the cheapest."""
    found = []
    for slots in range(1, piece.most + 1):
        least = placer.least(piece.shape, slots)
        cost = 0
        for p in piece.charged:
            others = sum(p in other.charged for other in question.pieces) - 1
            if others + slots > question.rooms[p]:
                least = None
                break
            cost += question.charges[p][others + slots] - question.charges[p][others]
        if least is not None:
            found.append((slots, least, question.weight * (least - piece.shape[0]) + cost))
    cheapest = min((cost for _, _, cost in found), default=0)
    for slots, least, cost in found:
        yield Option(slots, least, cost - cheapest)


class _Dive:
    def __init__(
        self, question: Question, placer: Placer, options: list[tuple[Option, ...]], spare: int, turn: int
    ) -> None:
        self._question = question
        self._placer = placer
        self._options = options
        self._crowds = crowds(question)
        self._spare = spare
        self._visited: dict[int, tuple[int, int]] = {}
        self._steps = 0
        self._nodes = 0
        self._ranks = _ranks(question, placer, turn)
        self._path: list[Laid] = []
        self._lost = 0

    def run(self, effort: Effort) -> tuple[tuple[Laid, ...], int] | None:
        asked = self._placer.steps
        start = State(0, self._question.free[-1].end, 0, 0, 0)
        found = self._follow(start)
        effort.spend(self._steps + self._placer.steps - asked)
        return (tuple(self._path), self._lost) if found else None

    def _follow(self, state: State) -> bool:
        if state.placed == (1 << len(self._options)) - 1:
            self._lost = self._loss(state)
            return True
        for _, _, _, _, laid, after in sorted(self._steps_from(state), key=lambda step: step[:4]):
            if self._nodes >= NODES:
                return False
            best = self._visited.get(after.placed)
            if best is not None and best[0] >= after.base and best[1] <= after.extra:
                continue
            self._visited[after.placed] = (after.base, after.extra)
            self._nodes += 1
            self._path.append(laid)
            if self._follow(after):
                return True
            self._path.pop()
        return False

    def _steps_from(self, state: State) -> Iterator[tuple[int, int, int, int, Laid, State]]:
        """Every piece that can come next within what may be lost: loss, rank, slots, piece, its place, the state."""
        question = self._question
        for i, piece in enumerate(question.pieces):
            if state.placed >> i & 1:
                continue
            placed = state.placed | 1 << i
            for option in self._options[i]:
                self._steps += 2  # twice the work of a beam's step
                if state.extra + option.cost > self._spare or not self._affordable(piece, option.slots, state, placed):
                    continue
                place = self._placer.below(piece.shape, option.slots, state.base, question.free)
                if place is None:
                    continue
                ideal, extra = state.ideal + option.least, state.extra + option.cost
                if question.weight * (above(question.free, place[0]) - ideal) + extra <= self._spare:
                    spent = state.spent + sum(option.slots << FIELD * p for p in piece.charged if p in self._crowds)
                    after = State(placed, place[0], spent, ideal, extra)
                    yield self._loss(after), self._ranks[i], option.slots, i, Laid(piece.index, *place), after
                    break  # more slots only cost more once the loss is within what may be lost

    def _loss(self, state: State) -> int:
        question = self._question
        return question.weight * (above(question.free, state.base) - state.ideal) + state.extra

    def _affordable(self, piece: Piece, slots: int, state: State, placed: int) -> bool:
        """Whether every partition that pays for more than this piece keeps one slot for each of the others."""
        for p in piece.charged:
            crowd = self._crowds.get(p)
            if crowd is not None:
                waiting = (crowd & ~placed).bit_count()
                if (state.spent >> FIELD * p & 255) + slots + waiting > self._question.rooms[p]:
                    return False
        return True


def _ranks(question: Question, placer: Placer, turn: int) -> list[int]:
    """The order in which pieces that lose the same are tried: hard ones first, shaken a little more on every turn."""
    keys = []
    noise = turn
    for i, piece in enumerate(question.pieces):
        noise = (noise * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        hard = placer.hard(piece.shape, min(2, piece.most)) + piece.shape[0] // 8
        keys.append((-hard * (64 + (noise >> 16) % (1 + 16 * turn)) // 64, i))
    ranks = [0] * len(keys)
    for rank, (_, i) in enumerate(sorted(keys)):
        ranks[i] = rank
    return ranks
