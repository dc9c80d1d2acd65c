"""One memory: a beam over sets of placed blocks, filled downward from the memory's end.

With its slots fixed a block's highest place below an address is monotone in that address. So, read from the top, any
layout can only gain when each block is replaced by its highest place, and among layouts of the same set the one with
the highest lowest base dominates: a set and that base are all that a state needs.
"""

from __future__ import annotations

import heapq
from typing import Any, TypeAlias

from layoutplan.solve.effort import Effort
from layoutplan.solve.placer import Placer
from layoutplan.solve.tries import Laid, Question, Tries

State: TypeAlias = Any
"""``(score, -base, placed, spent, (parent, row, base, end) or None)``: a tuple, compared as one, for speed."""

ALTERNATIVES = 3
"""Numbers of slots tried for one block in one state."""

CROWDED = 4
"""States collected, as a multiple of the width, before those that cannot be among the best are dropped."""


def run(question: Question, placer: Placer, width: int, alpha: int, effort: Effort) -> tuple[Laid, ...] | None:
    """The best layout that a beam of ``width`` finds, ``alpha`` tenths of the expected losses ahead; or ``None``."""
    if not question.pieces:
        return ()
    tries = Tries(question, placer, alpha, ALTERNATIVES)
    if not tries.possible:
        return None
    states: list[State] = [(0, -question.free[-1].end, 0, 0, None)]
    for _ in question.pieces:
        best = _grown(tries, states, width)
        if not best:
            effort.spend(tries.spent())
            return None
        states = heapq.nsmallest(width, best.values(), key=_order)
    effort.spend(tries.spent())
    return _unwound(states[0])


def _grown(tries: Tries, states: list[State], width: int) -> dict[int, State]:
    """By set: the best state of one block more, of those that may be among the ``width`` best."""
    free = tries.question.free
    bottom = free[0].base if len(free) == 1 else None
    best: dict[int, State] = {}
    known_best = best.get
    cut = None
    rows = [(row, row.looked_at, row.wanted, row.bit, row.mask, row.known, row.alone) for row in tries.rows]
    for state in states:
        score, below, placed, spent, _ = state
        top = -below
        for row, looked_at, wanted, bit, mask, known, alone in rows:
            if placed & looked_at != wanted:
                continue
            if alone and bottom is not None:
                rest = top & mask
                value, drop, length = known[rest] if rest in known else tries.cheapest(row, top)
                tries.steps += 1
                if top - drop >= bottom:
                    if cut is not None and score + value > cut:
                        continue
                    key = placed | bit
                    old = known_best(key)
                    if old is None or (score + value, drop - top, spent) < (old[0], old[1], old[3]):
                        best[key] = (score + value, drop - top, key, spent, (state, row, top - drop, top - length))
                    continue
            for value, base, end, after in tries.each(row, top, placed, spent):
                key = placed | bit
                old = known_best(key)
                if old is None or (score + value, -base, after) < (old[0], old[1], old[3]):
                    best[key] = (score + value, -base, key, after, (state, row, base, end))
        if len(best) > CROWDED * width:
            cut = heapq.nsmallest(width, (found[0] for found in best.values()))[-1]
            best = {key: found for key, found in best.items() if found[0] <= cut}
            known_best = best.get
    return best


def _order(state: State) -> tuple[int, int, int, int]:
    return state[0], state[1], state[2], state[3]


def _unwound(state: State) -> tuple[Laid, ...]:
    laid: list[Laid] = []
    while state[4] is not None:
        state, row, base, end = state[4]
        laid.append(Laid(row.piece.index, base, end))
    return tuple(laid)
