"""Better by a few blocks at a time: taken out, and put back wherever among the others they cost least.

The others keep their order. How many of them are placed and which of those taken out are is all that a state needs,
so one pass finds the best interleaving of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import MOST_SLOTS
from layoutplan.solve.placer import Placer
from layoutplan.solve.tries import Laid, Question, Row, Tries

TAKEN = 5
"""Blocks taken out together: with one more a pass takes twice as long."""

State: TypeAlias = Any
"""``(lost, -base, placed, spent, (parent, row, end) or None)``: a tuple, compared as one, for speed."""


def improved(
    question: Question, placer: Placer, laid: Sequence[Laid], rounds: int, effort: Effort
) -> tuple[Laid, ...] | None:
    """A layout that loses less than ``laid``, the whole answer to ``question``; ``None`` when none was found.

    Which blocks are taken out depends on nothing but the round, so the same question gets the same answer.
    """
    tries = Tries(question, placer, 0, MOST_SLOTS)
    if len(laid) < 2 or not tries.possible:
        return None
    by_index = {row.piece.index: row for row in tries.rows}
    order = [by_index[block.index] for block in sorted(laid, key=lambda block: -block.base)]
    best = _interleaved(tries, order, (), None)
    first = best
    noise = 1
    for _ in range(rounds):
        if best is None or best[0] <= 0 or effort.exhausted:
            break
        taken: list[int] = []
        while len(taken) < min(TAKEN, len(order)):
            noise = (noise * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
            position = (noise >> 16) % len(order)
            if position not in taken:
                taken.append(position)
        kept = [row for position, row in enumerate(order) if position not in taken]
        found = _interleaved(tries, kept, [order[position] for position in taken], best[0])
        if found is not None:
            # One that loses as much is another place to go on from.
            best, order = found, [row for row, _, _ in _unwound(found)]
        effort.spend(tries.spent())
    if best is None or first is None or best[0] >= first[0]:
        return None
    return tuple(Laid(row.piece.index, base, end) for row, base, end in _unwound(best))


def _interleaved(tries: Tries, kept: Sequence[Row], taken: Sequence[Row], limit: int | None) -> State | None:
    """The state of least loss, at most ``limit``, that has ``kept`` in this order and ``taken`` anywhere between."""
    everything = (1 << len(taken)) - 1
    states: dict[int, State] = {0: (0, -tries.question.free[-1].end, 0, 0, None)}
    for position in range(len(kept) + 1):
        after: dict[int, State] = {}
        for subset in range(everything + 1):
            state = states.get(subset)
            if state is None:
                continue
            for number, row in enumerate(taken):
                if not subset >> number & 1:
                    _put(tries, state, row, limit, states, subset | 1 << number)
            if position < len(kept):
                _put(tries, state, kept[position], limit, after, subset)
        if position < len(kept):
            states = after
    return states.get(everything)


def _put(tries: Tries, state: State, row: Row, limit: int | None, states: dict[int, State], key: int) -> None:
    """``state`` with ``row`` below it, where it is the best for ``key``."""
    lost, below, placed, spent, _ = state
    found = tries.place(row, -below, placed, spent)
    if found is None:
        return
    value, base, end, spent = found
    lost += value
    if limit is None or lost <= limit:
        old = states.get(key)
        if old is None or (lost, -base) < old[:2]:
            states[key] = (lost, -base, placed | row.bit, spent, (state, row, end))


def _unwound(state: State) -> list[tuple[Row, int, int]]:
    """The rows in their order with base and end."""
    found: list[tuple[Row, int, int]] = []
    while state[4] is not None:
        base = -state[1]
        state, row, end = state[4]
        found.append((row, base, end))
    return found[::-1]
