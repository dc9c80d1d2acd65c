"""One memory: a beam over sets of placed blocks, filled downward from the memory's end.

With its slots fixed a block's highest place below an address is monotone in that address. So, read from the top, any
layout can only gain when each block is replaced by its highest place, and among layouts of the same set the one with
the highest lowest base dominates: a set and that base are all that a state needs.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from layoutplan.address import AddressRange
from layoutplan.solve.effort import Effort
from layoutplan.solve.placer import Placer, Shape

FIELD = 8
"""Bits for one partition's count of spent slots in a packed integer."""

State: TypeAlias = Any
"""``(score, -base, placed, spent, paid, (parent, piece, base, end) or None)``: a tuple, compared as one, for speed."""

ALTERNATIVES = 3
"""Numbers of slots tried for one block in one state."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One block in this memory. ``charged`` are the partitions that pay its slots; ``most`` slots at most."""

    index: int
    shape: Shape
    charged: tuple[int, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Laid:
    """A block that has its place."""

    index: int
    base: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """What one pass over one memory is asked.

    ``rooms`` are the slots that each partition may spend here; ``charges`` what spending them costs elsewhere, in
    weighted bytes, by slots spent.
    """

    pieces: tuple[Piece, ...]
    free: tuple[AddressRange, ...]
    weight: int
    rooms: tuple[int, ...]
    charges: tuple[tuple[int, ...], ...]


def above(free: Sequence[AddressRange], base: int) -> int:
    """Bytes of ``free`` at or above ``base``."""
    return sum(interval.end - max(interval.base, base) for interval in free if interval.end > base)


def run(question: Question, placer: Placer, width: int, alpha: int, effort: Effort) -> tuple[Laid, ...] | None:
    """The best layout that a beam of ``width`` finds, ``alpha`` tenths of the expected losses ahead; or ``None``."""
    pieces = question.pieces
    if not pieces:
        return ()
    weight, free = question.weight, question.free
    alternatives = [_alternatives(question, placer, piece, alpha) for piece in pieces]
    if not all(alternatives):
        return None
    crowded = crowds(question)
    rows = [
        _row(question, placer, i, alternatives[i], alone=not any(p in crowded for p in piece.charged))
        for i, piece in enumerate(pieces)
    ]
    start = free[-1].end if free else 0
    bottom = free[0].base if len(free) == 1 else None
    states: list[State] = [(0, -start, 0, 0, 0, None)]
    steps = -placer.steps
    for _ in pieces:
        best: dict[int, State] = {}
        for state in states:
            _, below, placed, spent, paid, _ = state
            top = -below
            for i, bit, twin, shape, alone, tried in rows:
                if placed & bit or (twin and not placed & twin):
                    continue
                key = placed | bit
                old = best.get(key)
                for slots, net, packed, mask, known in tried:
                    steps += 1
                    if not alone:
                        charge = _charge(question, crowded, pieces[i].charged, placed | bit, spent, slots)
                        if charge is None:
                            continue
                        net += charge
                    if bottom is not None:
                        rest = top & mask
                        drop = known[rest] if rest in known else placer.drop(shape, slots, top)
                        if drop is None:
                            continue
                        base = top - drop[0]
                        if base < bottom:
                            continue
                        end = top - drop[1]
                        score = weight * (start - base) + paid + net
                    else:
                        place = placer.below(shape, slots, top, free)
                        if place is None:
                            continue
                        base, end = place
                        score = weight * above(free, base) + paid + net
                    if (
                        old is None
                        or score < old[0]
                        or (score == old[0] and (-base, spent + packed) < (old[1], old[3]))
                    ):
                        old = best[key] = (score, -base, key, spent + packed, paid + net, (state, i, base, end))
        if not best:
            effort.spend(steps + placer.steps)
            return None
        states = heapq.nsmallest(width, best.values(), key=_order)
    effort.spend(steps + placer.steps)
    return _unwound(question, states[0])


def crowds(question: Question) -> dict[int, int]:
    """By partition that pays for more than one piece here: the set of those pieces."""
    found = {}
    for partition in range(len(question.rooms)):
        members = [i for i, piece in enumerate(question.pieces) if partition in piece.charged]
        if len(members) > 1:
            found[partition] = sum(1 << i for i in members)
    return found


def _row(question: Question, placer: Placer, i: int, alternatives: Sequence[tuple[int, int]], *, alone: bool) -> State:
    """What the inner loop needs of one piece. Of a piece ``alone`` in its partitions the charges are known."""
    piece = question.pieces[i]
    credit = question.weight * piece.shape[0] + min(cost for _, cost in alternatives)
    tried = []
    for slots, _ in alternatives:
        mask, known = placer.table(piece.shape, slots)
        charge = sum(question.charges[p][slots] - question.charges[p][0] for p in piece.charged) if alone else 0
        packed = 0 if alone else sum(slots << FIELD * p for p in piece.charged)
        tried.append((slots, charge - credit, packed, mask, known))
    twin = i > 0 and question.pieces[i - 1].shape == piece.shape and _alike(question, question.pieces[i - 1], piece)
    return i, 1 << i, (1 << i >> 1) if twin else 0, piece.shape, alone, tried


def _charge(
    question: Question, crowded: dict[int, int], charged: Sequence[int], placed: int, spent: int, slots: int
) -> int | None:
    """What ``slots`` more cost elsewhere; ``None`` when a partition would have too few left for its other pieces."""
    charge = 0
    for p in charged:
        now = (spent >> FIELD * p) & 255
        waiting = (crowded.get(p, 0) & ~placed).bit_count()
        if now + slots + waiting > question.rooms[p]:
            return None
        row = question.charges[p]
        charge += row[now + slots] - row[now]
    return charge


def _order(state: State) -> tuple[int, int, int, int]:
    return state[0], state[1], state[2], state[3]


def _unwound(question: Question, state: State) -> tuple[Laid, ...]:
    laid: list[Laid] = []
    while state[5] is not None:
        state, i, base, end = state[5]
        laid.append(Laid(question.pieces[i].index, base, end))
    return tuple(laid)


def _alike(question: Question, one: Piece, other: Piece) -> bool:
    """Whether two blocks of one shape are interchangeable: free of charge alike, and nobody else's slots with them."""
    if one.charged == other.charged:
        return True
    alone = all(sum(p in piece.charged for piece in question.pieces) == 1 for p in (*one.charged, *other.charged))
    return (
        alone
        and len(one.charged) == len(other.charged) == 1
        and question.rooms[one.charged[0]] == question.rooms[other.charged[0]]
        and question.charges[one.charged[0]] == question.charges[other.charged[0]]
    )


def _alternatives(question: Question, placer: Placer, piece: Piece, alpha: int) -> list[tuple[int, int]]:
    """The most promising numbers of slots for one block, with what it is expected to cost at each."""
    found = []
    for slots in range(1, piece.most + 1):
        least = placer.least(piece.shape, slots)
        if least is None:
            continue
        cost = question.weight * (10 * (least - piece.shape[0]) + alpha * placer.hard(piece.shape, slots)) // 10
        for p in piece.charged:
            others = sum(p in other.charged for other in question.pieces) - 1
            if others + slots > question.rooms[p]:
                break
            cost += question.charges[p][others + slots] - question.charges[p][others]
        else:
            found.append((slots, cost))
    return sorted(sorted(found, key=lambda option: (option[1], option[0]))[:ALTERNATIVES])
