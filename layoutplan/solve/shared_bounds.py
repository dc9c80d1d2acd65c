"""TOR entries that share a bound: the top of one block's is the bottom of the next one's, so a neighbour saves a slot.

``k`` adjoining blocks of one partition take ``k + 1`` entries. That holds among the entries rewritten on a switch,
which stand in address order; between those and static ones, and next to NAPOT, nothing is shared.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from layoutplan.address import AddressRange, align_up
from layoutplan.protection.pmp import Pmp
from layoutplan.solve.joint import Layout, layout_of
from layoutplan.solve.problem import Item, Problem
from layoutplan.solve.registers import is_static


@dataclass(frozen=True, slots=True)
class Merged:
    """A question whose items are whole rows of blocks; ``members`` by its items are those of the question before."""

    problem: Problem
    members: tuple[tuple[Item, ...], ...]


def sharers(problem: Problem, partition: int) -> tuple[Item, ...]:
    """The items of one partition that may share a bound with another of them; none on other units."""
    if not isinstance(problem.unit, Pmp) or "tor" not in problem.unit.traits.modes:
        return ()
    found = (item for item in problem.items if partition in item.charged)
    return tuple(item for item in found if not is_static(item.block, problem.partitions))


def most_shared(problem: Problem, partition: int) -> int:
    """More bounds than this one partition's blocks cannot share: those that may meet in a memory stand in one row."""
    rows: list[tuple[set[int], int]] = []
    for item in sharers(problem, partition):
        homes, count = set(problem.homes(item)), 1
        for row in [row for row in rows if row[0] & homes]:
            rows.remove(row)
            homes, count = homes | row[0], count + row[1]
        rows.append((homes, count))
    return sum(count - 1 for _, count in rows)


def generous(problem: Problem) -> Problem:
    """The question as if every bound that could be shared were: what it wastes at least, any layout does."""
    budgets = [budget + most_shared(problem, p) for p, budget in enumerate(problem.budgets)]
    return replace(problem, budgets=tuple(budgets))


def shared(problem: Problem, ranges: Sequence[AddressRange], partition: int) -> int:
    """The slots that one partition saves in a layout."""
    row = sorted(
        (ranges[item.index] for item in sharers(problem, partition)), key=lambda granted: (granted.base, granted.end)
    )
    return sum(
        lower.end == upper.base and all(problem.unit.cost((granted,)) == 2 for granted in (lower, upper))
        for lower, upper in itertools.pairwise(row)
    )


def merged(problem: Problem) -> Merged | None:
    """The question with TOR alone, and each partition's own blocks for one choice of memories in a row; if any are."""
    if not isinstance(problem.unit, Pmp):
        return None
    rows: dict[tuple[tuple[int, ...], tuple[str, ...]], list[Item]] = {}
    single: list[tuple[Item, ...]] = []
    for item in problem.items:
        if len(item.charged) == 1 and item.block.pin is None and item in sharers(problem, item.charged[0]):
            rows.setdefault((item.charged, item.block.memories), []).append(item)
        else:
            single.append((item,))
    if all(len(row) < 2 for row in rows.values()):
        return None
    budgets = list(problem.budgets)
    for row in rows.values():
        row.sort(key=lambda item: (-item.block.align, item.block.name))
        budgets[row[0].charged[0]] -= len(row) - 1
    members = (*single, *(tuple(row) for row in rows.values()))
    items = tuple(_joined(problem, index, row) for index, row in enumerate(members))
    unit = Pmp(replace(problem.unit.traits, modes=frozenset({"tor"})))
    return Merged(replace(problem, unit=unit, items=items, budgets=tuple(budgets)), members)


def _joined(problem: Problem, index: int, row: Sequence[Item]) -> Item:
    """One item as large as all of ``row`` one after the other."""
    first = row[0]
    if len(row) == 1:
        return replace(first, index=index)
    block = replace(first.block, size=sum(_steps(problem, row)), align=max(item.block.align for item in row))
    return replace(first, index=index, block=block, wholes=())


def _steps(problem: Problem, row: Sequence[Item]) -> list[int]:
    """The bytes granted to each of ``row``, so that the next one begins aligned."""
    aligns = [item.block.align for item in row[1:]] + [1]
    return [
        align_up(item.block.size, max(align, problem.unit.granule)) for item, align in zip(row, aligns, strict=True)
    ]


def parted(problem: Problem, rows: Merged, layout: Layout) -> Layout:
    """A layout of the merged question as one of ``problem``."""
    places: dict[int, tuple[int, AddressRange]] = {}
    for members, home, granted in zip(rows.members, layout.homes, layout.ranges, strict=True):
        base = granted.base
        sizes = _steps(problem, members) if len(members) > 1 else [granted.size]
        for item, size in zip(members, sizes, strict=True):
            places[item.index] = home, AddressRange.of(base, size)
            base += size
    ordered = [places[item.index] for item in problem.items]
    return layout_of(problem, tuple(home for home, _ in ordered), tuple(granted for _, granted in ordered))
