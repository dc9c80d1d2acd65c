"""One memory with every block's slots fixed: the exact answer, by dynamic programming over sets of placed blocks.

The highest lowest base of a set S is the best, over the block i placed last, of i's highest place below that of S
without i: a highest place is monotone in the address below which it is sought. So no order needs to be tried twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.solve.beam import Laid, above
from layoutplan.solve.effort import Effort
from layoutplan.solve.placer import Placer, Shape

STEPS_A_STATE = 5
"""A block tried after a set costs a fifth of a beam's step, most being placed or pruned at once."""

MOST_BLOCKS = 22
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
    if len(layers) <= len(blocks) or everything not in layers[-1]:
        return Sequenced(None, 0, True)
    laid: list[Laid] = []
    key = everything
    for layer in reversed(layers[1:]):
        base, end, last = layer[key]
        laid.append(Laid(blocks[last].index, base, end))
        key &= ~(1 << last)
    lowest = layers[-1][everything][0]
    return Sequenced(tuple(laid), above(free, lowest) - sum(sizes), True)


Layer = dict[int, tuple[int, int, int]]
"""By set of placed blocks: the highest lowest base, the end of the block there, and that block."""


def _layers(
    blocks: Sequence[Fixed],
    free: Sequence[AddressRange],
    placer: Placer,
    bounds: Sequence[int],
    spare: int,
    effort: Effort,
) -> list[Layer] | None:
    """Every set that loses at most ``spare`` bytes, by number of blocks; ``None`` when the effort ran out."""
    start = free[-1].end
    single = free[0] if len(free) == 1 else None
    intervals = tuple(free)
    rows = []
    for i, block in enumerate(blocks):
        mask, known = placer.table(block.shape, block.slots)
        twin = i > 0 and blocks[i - 1].shape == block.shape and blocks[i - 1].slots == block.slots
        rows.append((i, 1 << i, bounds[i], mask, known, block, (1 << i >> 1) if twin else 0))
    sums = {0: 0}
    asked = placer.steps
    layers: list[Layer] = [{0: (start, start, -1)}]
    for _ in blocks:
        before = layers[-1]
        after: Layer = {}
        totals: dict[int, int] = {}
        effort.spend(len(before) * len(blocks) // STEPS_A_STATE + placer.steps - asked)
        asked = placer.steps
        if effort.exhausted:
            return None
        for placed, (top, _, _) in before.items():
            so_far = sums[placed]
            for i, bit, bound, mask, known, block, twin_bit in rows:
                if placed & bit or (twin_bit and not placed & twin_bit):
                    continue
                total = so_far + bound
                if single is not None:
                    rest = top & mask
                    drop = known[rest] if rest in known else placer.drop(block.shape, block.slots, top)
                    if drop is None:
                        continue
                    base = top - drop[0]
                    if base < single.base or start - base - total > spare:
                        continue
                    end = top - drop[1]
                else:
                    place = placer.below(block.shape, block.slots, top, intervals)
                    if place is None or above(intervals, place[0]) - total > spare:
                        continue
                    base, end = place
                key = placed | bit
                old = after.get(key)
                if old is None or base > old[0]:
                    after[key] = (base, end, i)
                    totals[key] = total
        if not after:
            return layers
        layers.append(after)
        sums = totals
    return layers
