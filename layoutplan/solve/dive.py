"""Towards the floor: a depth-first search for a packing that loses next to nothing, the hardest blocks first.

Where a layout at the floor exists, every set of placed blocks in it ends exactly at the sum of their least sizes, so
a set that failed once need not be tried again. The beam keeps many sets alive; this follows one to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.placer import Placer
from layoutplan.solve.tries import Laid, Question, Row, Tries

NODES = 400
"""Sets visited in one dive beyond one for each block. One that succeeds mostly does so within a few dozen."""


@dataclass(frozen=True, slots=True)
class State:
    """A set of placed pieces, the lowest base, the slots spent (packed, by partition), and the weighted bytes lost."""

    placed: int
    base: int
    spent: int
    lost: int


def run(
    question: Question, placer: Placer, spare: int, turn: int, effort: Effort
) -> tuple[tuple[Laid, ...], int] | None:
    """A layout that costs at most ``spare`` weighted bytes above the floor, here and elsewhere, and what it costs.

    ``None`` when none was found.

    ``turn`` varies the order in which equally good pieces are tried; the same turn gives the same answer.
    """
    if not question.pieces:
        return (), 0
    tries = Tries(question, placer, 0, MOST_SLOTS)
    if not tries.possible:
        return None
    found = _Dive(tries, spare, turn).run()
    effort.spend(tries.spent())
    return found


class _Dive:
    def __init__(self, tries: Tries, spare: int, turn: int) -> None:
        self._tries = tries
        self._spare = spare
        self._everything = (1 << len(tries.rows)) - 1
        self._rows = _ranked(tries, turn)

    def run(self) -> tuple[tuple[Laid, ...], int] | None:
        """The first layout found, and what it loses."""
        visited: dict[int, tuple[int, int]] = {}
        nodes = NODES + len(self._rows)
        state = State(0, self._tries.question.free[-1].end, 0, 0)
        path: list[Laid] = []
        open_steps = [self._steps_from(state)]
        while open_steps and nodes > 0:
            step = next(open_steps[-1], None)
            if step is None:
                open_steps.pop()
                if path:
                    path.pop()
                continue
            state, laid = step
            best = visited.get(state.placed)
            if best is not None and best[0] >= state.base and best[1] <= state.lost:
                continue
            visited[state.placed] = (state.base, state.lost)
            nodes -= 1
            path.append(laid)
            if state.placed == self._everything:
                return tuple(path), state.lost
            open_steps.append(self._steps_from(state))
        return None

    def _steps_from(self, state: State) -> Iterator[tuple[State, Laid]]:
        """Every piece that can come next within what may be lost.

        Those that lose nothing come first, hard ones before easy ones and as soon as they are found: mostly the first
        is followed to the end, and nobody asks for the others. Then those that lose little.
        """
        costly: list[tuple[int, int, State, Laid]] = []
        for rank, row in enumerate(self._rows):
            if state.placed & row.looked_at != row.wanted:
                continue
            self._tries.steps += 1  # twice the work of a beam's step
            found = self._tries.place(row, state.base, state.placed, state.spent)
            if found is None or found[0] > self._spare - state.lost:
                continue
            value, base, end, spent = found
            after = State(state.placed | row.bit, base, spent, state.lost + value)
            laid = Laid(row.piece.index, base, end)
            if value <= 0:
                yield after, laid
            else:
                costly.append((value, rank, after, laid))
        for _, _, after, laid in sorted(costly, key=lambda step: step[:2]):
            yield after, laid


def _ranked(tries: Tries, turn: int) -> list[Row]:
    """The rows, hard ones first, shaken a little more on every turn."""
    keys = []
    noise = turn
    for row in tries.rows:
        piece = row.piece
        noise = (noise * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
        hard = tries.placer.hard(piece.shape, min(2, piece.most)) + piece.shape[0] // 8
        keys.append((-hard * (64 + (noise >> 16) % (1 + 16 * turn)) // 64, row.number))
    return [tries.rows[number] for _, number in sorted(keys)]
