"""What it costs to try one block next, below a given address: the inner step of the beam and of the dive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from layoutplan.address import AddressRange
from layoutplan.solve.placer import Placer, Shape

FIELD = 8
"""Bits for one partition's count of spent slots in a packed integer."""

Cheapest = tuple[int, int, int]
"""Value in weighted bytes, and how far below the top base and end of the block lie."""

NOWHERE: Cheapest = (1 << 80, 1 << 80, 0)
"""No number of slots has a place there: it would be below every memory."""

Found = tuple[int, int, int, int]
"""Value, base, end, and the slots spent afterwards (packed, by partition)."""


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


@dataclass(frozen=True, slots=True)
class Row:
    """One piece, and the numbers of slots to try it with.

    ``nets`` are ``(slots, net, least)`` in weighted bytes: what these slots cost elsewhere less what the block costs
    at best, so that a value tells what is lost; and the least value at any address, rising. A set may be grown by the
    piece when its blocks in ``looked_at`` are ``wanted``: the piece itself is not there, and of interchangeable ones
    the one before is. A piece is ``alone`` when no partition pays for it and another one of this memory: then what it
    costs depends on the address only, and ``known`` remembers it by the address's remainder.
    """

    number: int
    piece: Piece
    nets: tuple[tuple[int, int, int], ...]
    looked_at: int
    wanted: int
    alone: bool
    mask: int
    known: dict[int, Cheapest] = field(compare=False)

    @property
    def bit(self) -> int:
        """The piece in a set of pieces."""
        return 1 << self.number


class Tries:
    """The rows of one question, and what they come to. ``steps`` counts the work."""

    def __init__(self, question: Question, placer: Placer, alpha: int, alternatives: int) -> None:
        """``alpha`` tenths of the losses that are expected wherever a block starts are counted ahead."""
        self.question = question
        self.placer = placer
        self.steps = 0
        self._asked = placer.steps
        self.crowds = crowds(question)
        self.rows = [self._row(number, alpha, alternatives) for number in range(len(question.pieces))]

    @property
    def possible(self) -> bool:
        """Whether every piece has a number of slots, and there is somewhere to put it."""
        return bool(self.question.free) and all(row.nets for row in self.rows)

    def spent(self) -> int:
        """Steps since the last time, those of the placer included."""
        steps = self.steps + self.placer.steps - self._asked
        self.steps, self._asked = 0, self.placer.steps
        return steps

    def cheapest(self, row: Row, top: int) -> Cheapest:
        """The least value of a piece that is alone, then the highest base, in a memory without obstacles."""
        weight, shape, placer = self.question.weight, row.piece.shape, self.placer
        best = NOWHERE
        for slots, net, least in row.nets:
            if best[0] <= least:
                break
            self.steps += 1
            drop = placer.drop(shape, slots, top)
            if drop is not None:
                best = min(best, (weight * drop[0] + net, drop[0], drop[1]))
        row.known[top & row.mask] = best
        return best

    def place(self, row: Row, top: int, placed: int, spent: int) -> Found | None:
        """Where a piece loses least below ``top``, after the set ``placed``."""
        free = self.question.free
        if row.alone and len(free) == 1:
            self.steps += 1
            rest = top & row.mask
            value, drop, length = row.known[rest] if rest in row.known else self.cheapest(row, top)
            if top - drop >= free[0].base:
                return value, top - drop, top - length, spent
        return min(self.each(row, top, placed, spent), default=None)

    def each(self, row: Row, top: int, placed: int, spent: int) -> Iterator[Found]:
        """Every number of slots for a piece, wherever it may lie and whoever else pays with its partitions."""
        question, free = self.question, self.question.free
        already = above(free, top)
        for slots, net, _ in row.nets:
            self.steps += 1
            charge = 0 if row.alone else self._charge(row.piece.charged, placed | row.bit, spent, slots)
            place = None if charge is None else self.placer.below(row.piece.shape, slots, top, free)
            if place is not None and charge is not None:
                value = question.weight * (above(free, place[0]) - already) + net + charge
                packed = 0 if row.alone else sum(slots << FIELD * p for p in row.piece.charged)
                yield value, *place, spent + packed

    def _charge(self, charged: Sequence[int], placed: int, spent: int, slots: int) -> int | None:
        """What ``slots`` more cost elsewhere; ``None`` when a partition would have too few left for its others."""
        charge = 0
        for p in charged:
            now = (spent >> FIELD * p) & 255
            waiting = (self.crowds.get(p, 0) & ~placed).bit_count()
            if now + slots + waiting > self.question.rooms[p]:
                return None
            row = self.question.charges[p]
            charge += row[now + slots] - row[now]
        return charge

    def _row(self, number: int, alpha: int, most: int) -> Row:
        question, piece = self.question, self.question.pieces[number]
        options = sorted(self._options(piece, alpha), key=lambda option: (option[1], option[0]))[:most]
        credit = question.weight * piece.shape[0] + min((cost for _, cost in options), default=0)
        alone = not any(p in self.crowds for p in piece.charged)
        twin = number > 0 and _alike(question, question.pieces[number - 1], piece)
        nets = []
        for slots, _ in options:
            charge = sum(question.charges[p][slots] - question.charges[p][0] for p in piece.charged) if alone else 0
            least = question.weight * (self.placer.least(piece.shape, slots) or 0)
            nets.append((slots, charge - credit, least + charge - credit))
        wanted = 1 << number >> 1 if twin else 0
        mask = self.placer.table(piece.shape, 1)[0]
        nets.sort(key=lambda net: (net[2], net[0]))
        return Row(number, piece, tuple(nets), 1 << number | wanted, wanted, alone, mask, {})

    def _options(self, piece: Piece, alpha: int) -> Iterator[tuple[int, int]]:
        """Numbers of slots, each with what the piece is expected to cost here and elsewhere."""
        question = self.question
        for slots in range(1, piece.most + 1):
            least = self.placer.least(piece.shape, slots)
            if least is None:
                continue
            cost = question.weight * 10 * (least - piece.shape[0])
            if alpha:
                cost += question.weight * alpha * self.placer.hard(piece.shape, slots)
            cost //= 10
            for p in piece.charged:
                others = sum(p in other.charged for other in question.pieces) - 1
                if others + slots > question.rooms[p]:
                    return
                cost += question.charges[p][others + slots] - question.charges[p][others]
            yield slots, cost


def above(free: Sequence[AddressRange], base: int) -> int:
    """Bytes of ``free`` at or above ``base``."""
    return sum(interval.end - max(interval.base, base) for interval in free if interval.end > base)


def crowds(question: Question) -> dict[int, int]:
    """By partition that pays for more than one piece here: the set of those pieces."""
    found = {}
    for partition in range(len(question.rooms)):
        members = [i for i, piece in enumerate(question.pieces) if partition in piece.charged]
        if len(members) > 1:
            found[partition] = sum(1 << i for i in members)
    return found


def _alike(question: Question, one: Piece, other: Piece) -> bool:
    """Whether two blocks are interchangeable: of one shape, free of charge alike, nobody else's slots with them."""
    if one.shape != other.shape:
        return False
    if one.charged == other.charged:
        return True
    alone = all(sum(p in piece.charged for piece in question.pieces) == 1 for p in (*one.charged, *other.charged))
    return (
        alone
        and len(one.charged) == len(other.charged) == 1
        and question.rooms[one.charged[0]] == question.rooms[other.charged[0]]
        and question.charges[one.charged[0]] == question.charges[other.charged[0]]
    )
