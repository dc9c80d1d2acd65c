"""One memory with every block's slots fixed: the exact answer, by dynamic programming over sets of placed blocks.

The highest lowest base of a set S is the best, over the block i placed last, of i's highest place below that of S
without i: a highest place is monotone in the address below which it is sought. So no order needs to be tried twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.solve.effort import Effort
from layoutplan.solve.placer import Placer, Shape
from layoutplan.solve.tries import Laid, above

TRIES_A_STEP = 15
"""As many blocks tried after a set cost one step of a beam, most being placed or never looked at."""

LISTED_A_STEP = 5
"""As many blocks listed for one end of a set cost a step."""

FEW_BLOCKS = 12
"""So few blocks have too few sets for lists to be worth their making."""

MOST_BLOCKS = 32
"""Sets of more blocks than this are too many to walk."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A block and the slots it may use here."""

    index: int
    shape: Shape
    slots: int


@dataclass(frozen=True, slots=True)
class Sequenced:
    """The best layout with at most the waste asked for, ``None`` for none; not ``complete`` when it was given up."""

    laid: tuple[Laid, ...] | None
    waste: int
    complete: bool


def sequence(
    blocks: Sequence[Fixed], free: Sequence[AddressRange], placer: Placer, limit: int | None, effort: Effort
) -> Sequenced:
    """The layout with the least waste in bytes, padding and gaps, that is at most ``limit`` (``None``: any)."""
    if not blocks:
        return Sequenced((), 0, True)
    least = [placer.least(block.shape, block.slots) for block in blocks]
    sizes = [block.shape[0] for block in blocks]
    if any(size is None for size in least):
        return Sequenced(None, 0, True)
    bounds = [size for size in least if size is not None]
    room = above(free, 0)
    allowance = room if limit is None else limit + sum(sizes)
    spare = min(room, allowance) - sum(bounds)
    if spare < 0 or not free:
        return Sequenced(None, 0, True)
    if len(blocks) > MOST_BLOCKS:
        return Sequenced(None, 0, False)
    layers = _layers(blocks, free, placer, bounds, spare, effort)
    if layers is None:
        return Sequenced(None, 0, False)
    everything = (1 << len(blocks)) - 1
    if len(layers) <= len(blocks):
        return Sequenced(None, 0, True)
    laid = _walked_back(blocks, free, placer, layers)
    return Sequenced(laid, above(free, layers[-1][everything]) - sum(sizes), True)


Layer = dict[int, int]
"""By set of placed blocks: the highest lowest base."""

Tried = tuple[int, int, int, int, int]
"""What a block loses below one top, the blocks to look at, those of them that must be placed, itself, its drop."""


def _layers(
    blocks: Sequence[Fixed],
    free: Sequence[AddressRange],
    placer: Placer,
    bounds: Sequence[int],
    spare: int,
    effort: Effort,
) -> list[Layer] | None:
    """Every set that loses at most ``spare`` bytes, by number of blocks; ``None`` when the effort ran out."""
    layers: list[Layer] = [{0: free[-1].end}]
    grow = _Below(blocks, free[0].end, placer, bounds, spare).grown if len(free) == 1 else None
    asked = placer.steps
    for _ in blocks:
        before = layers[-1]
        tries = len(before) * len(blocks)
        effort.spend(tries // (TRIES_A_STEP if len(blocks) > FEW_BLOCKS else LISTED_A_STEP) + placer.steps - asked)
        asked = placer.steps
        if effort.exhausted:
            return None
        after = grow(before) if grow is not None else _grown_among(blocks, tuple(free), placer, bounds, spare, before)
        if not after:
            return layers
        layers.append(after)
    return layers


class _Below:
    """The step from one layer to the next in a single free interval.

    What each block loses depends on where the set below which it goes ends, not on the set. So with many blocks it is
    listed once for each end (modulo the longest period), the least loss first, and a set's list is left at the first
    that loses too much. The interval's bottom needs no look: ``spare`` is at most what the interval has beyond the
    least sizes.
    """

    def __init__(self, blocks: Sequence[Fixed], start: int, placer: Placer, bounds: Sequence[int], spare: int) -> None:
        self._placer = placer
        self._spare = spare
        self._rows = []
        for i, (block, bound) in enumerate(zip(blocks, bounds, strict=True)):
            # Of equal blocks the first goes first.
            twin = 1 << i >> 1 if i and _alike(block, blocks[i - 1]) else 0
            mask, known = placer.table(block.shape, block.slots)
            self._rows.append((block, bound, mask, known, 1 << i | twin, twin, 1 << i))
        self._mask = max(row[2] for row in self._rows)
        self._tried: dict[int, list[Tried]] = {}
        # The least sizes of a set's blocks, from two halves of the set's bits.
        self._half = len(blocks) // 2
        self._low, self._high = _sums(bounds[: self._half]), _sums(bounds[self._half :])
        self._zero = start - spare

    def grown(self, before: Layer) -> Layer:
        """The sets of one block more."""
        return self._grown_by_lists(before) if len(self._rows) > FEW_BLOCKS else self._grown_directly(before)

    def _grown_directly(self, before: Layer) -> Layer:
        after: Layer = {}
        known_base, zero, half, drop_of = after.get, self._zero, self._half, self._placer.drop
        low, high, low_mask = self._low, self._high, (1 << self._half) - 1
        for placed, top in before.items():
            lowest = zero - low[placed & low_mask] - high[placed >> half]
            for block, bound, mask, known, looked_at, wanted, bit in self._rows:
                if placed & looked_at == wanted:
                    here = top & mask
                    drop = known[here] if here in known else drop_of(block.shape, block.slots, top)
                    if drop is not None and top - drop[0] >= lowest - bound:
                        key = placed | bit
                        if top - drop[0] > known_base(key, -1):
                            after[key] = top - drop[0]
        return after

    def _grown_by_lists(self, before: Layer) -> Layer:
        after: Layer = {}
        known_base, tried_at, mask, zero, half = after.get, self._tried, self._mask, self._zero, self._half
        low, high, low_mask = self._low, self._high, (1 << self._half) - 1
        for placed, top in before.items():
            left = top - zero + low[placed & low_mask] + high[placed >> half]
            rest = top & mask
            for loss, looked_at, wanted, bit, drop in tried_at[rest] if rest in tried_at else self._list(rest, top):
                if loss > left:
                    break
                if placed & looked_at == wanted:
                    key = placed | bit
                    if top - drop > known_base(key, -1):
                        after[key] = top - drop
        return after

    def _list(self, rest: int, top: int) -> list[Tried]:
        found: list[Tried] = []
        drop_of, spare = self._placer.drop, self._spare
        for block, bound, mask, known, looked_at, wanted, bit in self._rows:
            here = top & mask
            drop = known[here] if here in known else drop_of(block.shape, block.slots, top)
            if drop is not None and drop[0] - bound <= spare:
                found.append((drop[0] - bound, looked_at, wanted, bit, drop[0]))
        found.sort()
        self._tried[rest] = found
        self._placer.steps += 1 + len(self._rows) // LISTED_A_STEP
        return found


def _alike(one: Fixed, other: Fixed) -> bool:
    return one.shape == other.shape and one.slots == other.slots


def _sums(values: Sequence[int]) -> list[int]:
    """By set of positions: the sum of the values there."""
    sums = [0]
    for value in values:
        sums += [value + total for total in sums]
    return sums


def _grown_among(
    blocks: Sequence[Fixed],
    free: tuple[AddressRange, ...],
    placer: Placer,
    bounds: Sequence[int],
    spare: int,
    before: Layer,
) -> Layer:
    """The sets of one block more where obstacles divide the memory."""
    after: Layer = {}
    for placed, top in before.items():
        least = sum(bound for i, bound in enumerate(bounds) if placed >> i & 1)
        for i, block in enumerate(blocks):
            twin = i > 0 and _alike(block, blocks[i - 1])
            if placed >> i & 1 or (twin and not placed >> (i - 1) & 1):
                continue
            place = placer.below(block.shape, block.slots, top, free)
            if place is not None and above(free, place[0]) - least - bounds[i] <= spare:
                key = placed | 1 << i
                after[key] = max(place[0], after.get(key, -1))
    return after


def _walked_back(
    blocks: Sequence[Fixed], free: Sequence[AddressRange], placer: Placer, layers: Sequence[Layer]
) -> tuple[Laid, ...]:
    """The blocks as they lie in the last layer's set, from the lowest: each time one that explains the set's base."""
    laid: list[Laid] = []
    placed = (1 << len(blocks)) - 1
    intervals = tuple(free)
    for before, layer in itertools.pairwise(reversed(layers)):
        for i, block in enumerate(blocks):
            top = layer.get(placed & ~(1 << i)) if placed >> i & 1 else None
            place = None if top is None else placer.below(block.shape, block.slots, top, intervals)
            if place is not None and place[0] == before[placed]:
                laid.append(Laid(block.index, *place))
                placed &= ~(1 << i)
                break
    return tuple(laid)
