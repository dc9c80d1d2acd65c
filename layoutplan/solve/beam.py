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
    weight, free, rooms, charges = question.weight, question.free, question.rooms, question.charges
    alternatives = [_alternatives(question, placer, piece, alpha) for piece in pieces]
    if not all(alternatives):
        return None
    members = [sum(1 << i for i, piece in enumerate(pieces) if p in piece.charged) for p in range(len(rooms))]
    rows: list[State] = []
    for i, piece in enumerate(pieces):
        tried = []
        for slots, _ in alternatives[i]:
            mask, known = placer.table(piece.shape, slots)
            tried.append((slots, sum(slots << FIELD * p for p in piece.charged), mask, known))
        estimate = min(cost for _, cost in alternatives[i])
        twin = i > 0 and pieces[i - 1].shape == piece.shape and _alike(question, pieces[i - 1], piece)
        rows.append((i, 1 << i, piece, tried, weight * piece.shape[0] + estimate, twin))
    start = free[-1].end if free else 0
    single = free[0] if len(free) == 1 else None
    states: list[State] = [(0, -start, 0, 0, 0, None)]
    for _ in pieces:
        best: dict[int, State] = {}
        for state in states:
            _, below, placed, spent, paid, _ = state
            top = -below
            for i, bit, piece, tried, credit, twin in rows:
                if placed & bit or (twin and not placed & (bit >> 1)):
                    continue
                for slots, packed, mask, known in tried:
                    effort.left -= 1
                    charge = 0
                    for p in piece.charged:
                        now = (spent >> FIELD * p) & 255
                        waiting = (members[p] & ~(placed | bit)).bit_count()
                        if now + slots + waiting > rooms[p]:
                            break
                        row = charges[p]
                        charge += row[now + slots] - row[now]
                    else:
                        if single is not None:
                            drop = known.get(top & mask, 0)
                            if drop == 0:
                                drop = placer.drop(piece.shape, slots, top)
                            if drop is None or top - drop[0] < single.base:
                                continue
                            base, end = top - drop[0], top - drop[1]
                            height = start - base
                        else:
                            place = placer.below(piece.shape, slots, top, free)
                            if place is None:
                                continue
                            base, end = place
                            height = above(free, base)
                        total = paid + charge - credit
                        key = placed | bit
                        score = weight * height + total
                        old = best.get(key)
                        if old is None or (score, -base, spent + packed) < (old[0], old[1], old[3]):
                            best[key] = (score, -base, key, spent + packed, total, (state, i, base, end))
        if not best:
            return None
        states = heapq.nsmallest(width, best.values(), key=_order)
    return _unwound(question, states[0])


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
