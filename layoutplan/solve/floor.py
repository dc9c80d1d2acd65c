"""The joint floor: the least padding that any choice of slots allows, whatever the placement."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up, next_power_of_two
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Item, Problem

MOST_SLOTS = 8
"""More slots for one block than this win nothing: four already give a free choice of place on Armv7-M."""

EXACT_CHOICES = 20_000
"""Combinations of slots for shared blocks that are tried one by one before the floor is relaxed."""

Options = Mapping[int, tuple[tuple[int, int], ...]]
"""By item: ``(slots, weighted bytes)``, slots rising, bytes falling."""


@dataclass(frozen=True, slots=True)
class Floor:
    """``bound`` in weighted bytes is proved; ``slots`` by item are those that reach it, ``None``: no choice fits."""

    bound: int
    slots: tuple[int, ...] | None


def padding_options(problem: Problem, placer: Placer, homes: Sequence[int]) -> Options:
    """What each item's padding costs at least, by slots, in the memory that ``homes`` names for it."""
    grids = [
        min((item.block.align for item in problem.items if homes[item.index] == home), default=1)
        for home in range(len(problem.spaces))
    ]
    return {
        item.index: tuple(_options(problem, placer, item, homes[item.index], grids[homes[item.index]]))
        for item in problem.items
    }


def _options(problem: Problem, placer: Placer, item: Item, home: int, grid: int) -> Iterator[tuple[int, int]]:
    if not item.charged:
        # Every base in the memory is a multiple of the grid, so a block takes whole steps of it, gap included.
        if item.block.pin is not None and item.block.pin % item.block.align:
            return
        loss = align_up(item.block.size, grid) - item.block.size if item.block.pin is None else 0
        yield 1, loss * problem.weights[home]
        return
    most = min(MOST_SLOTS, *(problem.budgets[partition] for partition in item.charged))
    best: int | None = None
    for slots in range(1, most + 1):
        granted = pinned_end(problem, item, slots) if item.block.pin is not None else None
        least = placer.least(placer.shape(item), slots) if item.block.pin is None else granted
        if least is not None and (best is None or least < best):
            best = least
            yield slots, (least - item.block.size) * problem.weights[home]


def pinned_end(problem: Problem, item: Item, slots: int) -> int | None:
    """The least bytes granted from the pinned base in ``slots`` slots; ``None`` when no cover is so cheap."""
    pin, size, granule = item.block.pin, item.block.size, problem.unit.granule
    assert pin is not None
    if pin % max(granule, item.block.align):
        return None
    found: int | None = None
    # An end on a coarser grid than the size saves no region, unless for more padding than there is block.
    for exponent in range(next_power_of_two(max(size, granule)).bit_length()):
        end = align_up(pin + size, max(granule, 1 << exponent))
        if found is not None and end - pin >= found:
            continue
        if end > 1 << 32:
            break
        cover = problem.unit.cover(AddressRange(pin, end), item.wholes)
        if cover is not None and problem.unit.cost(cover) <= slots:
            found = end - pin
    return found


def floor_of(problem: Problem, options: Options) -> Floor:
    """The least weighted padding over every choice of slots that keeps each partition within its budget."""
    if not all(options.values()):
        return Floor(0, None)
    shared = [item for item in problem.items if len(item.charged) > 1]
    own = {
        partition: [item for item in problem.items if item.charged == (partition,)]
        for partition in range(len(problem.partitions))
    }
    tables = {
        partition: best_splits([options[item.index] for item in items], problem.budgets[partition])
        for partition, items in own.items()
    }
    choices = [options[item.index] for item in shared]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > EXACT_CHOICES:
        return _relaxed(problem, shared, own, tables, options)
    best: tuple[int, int, tuple[tuple[int, int], ...]] | None = None
    for picked in itertools.product(*choices):
        spent = [0] * len(problem.partitions)
        for item, (slots, _) in zip(shared, picked, strict=True):
            for partition in item.charged:
                spent[partition] += slots
        total = sum(cost for _, cost in picked)
        for partition, table in tables.items():
            split = within(table, problem.budgets[partition] - spent[partition])
            if split is None:
                break
            total += split[0]
        else:
            key = (total, sum(slots for slots, _ in picked), picked)
            best = key if best is None or key < best else best
    free = sum(min(cost for _, cost in options[item.index]) for item in problem.items if not item.charged)
    if best is None:
        return Floor(0, None)
    return Floor(best[0] + free, _assembled(problem, shared, [slots for slots, _ in best[2]], own, tables))


def _assembled(
    problem: Problem,
    shared: Sequence[Item],
    picked: Sequence[int],
    own: Mapping[int, Sequence[Item]],
    tables: Mapping[int, Sequence[tuple[int, tuple[int, ...]] | None]],
) -> tuple[int, ...]:
    slots = [1] * len(problem.items)
    spent = [0] * len(problem.partitions)
    for item, count in zip(shared, picked, strict=True):
        slots[item.index] = count
        for partition in item.charged:
            spent[partition] += count
    for partition, items in own.items():
        split = within(tables[partition], problem.budgets[partition] - spent[partition])
        assert split is not None
        for item, count in zip(items, split[1], strict=True):
            slots[item.index] = count
    return tuple(slots)


def _relaxed(
    problem: Problem,
    shared: Sequence[Item],
    own: Mapping[int, Sequence[Item]],
    tables: Mapping[int, Sequence[tuple[int, tuple[int, ...]] | None]],
    options: Options,
) -> Floor:
    """A weaker bound where shared blocks are too many to try: each at its best, each partition as if they took one."""
    total = sum(min(cost for _, cost in options[item.index]) for item in shared)
    total += sum(min(cost for _, cost in options[item.index]) for item in problem.items if not item.charged)
    ones = [1 if options[item.index] else 0 for item in shared]
    least = [options[item.index][0][0] if one else 0 for item, one in zip(shared, ones, strict=True)]
    for partition, table in tables.items():
        spent = sum(count for item, count in zip(shared, least, strict=True) if partition in item.charged)
        split = within(table, problem.budgets[partition] - spent)
        if split is None:
            return Floor(0, None)
        total += split[0]
    return Floor(total, _assembled(problem, shared, least, own, tables))


def within(table: Sequence[tuple[int, tuple[int, ...]] | None], budget: int) -> tuple[int, tuple[int, ...]] | None:
    """The entry of :func:`best_splits` for ``budget``; a budget beyond the last entry wins nothing more."""
    return table[min(budget, len(table) - 1)] if budget >= 0 else None


def best_splits(choices: Sequence[Sequence[tuple[int, int]]], budget: int) -> list[tuple[int, tuple[int, ...]] | None]:
    """By budget: the least cost of one option of each choice, and the slots of each; fewer slots win a tie."""
    most = min(max(budget, 0), sum(max((slots for slots, _ in choice), default=0) for choice in choices))
    table: list[tuple[int, tuple[int, ...]] | None] = [(0, ())] * (most + 1)
    for choice in choices:
        grown: list[tuple[int, tuple[int, ...]] | None] = []
        for spent in range(most + 1):
            candidates = [
                (rest[0] + cost, sum(rest[1]) + slots, (*rest[1], slots))
                for slots, cost in choice
                if slots <= spent and (rest := table[spent - slots]) is not None
            ]
            best = min(candidates, default=None)
            grown.append(None if best is None else (best[0], best[2]))
        table = grown
    return table
