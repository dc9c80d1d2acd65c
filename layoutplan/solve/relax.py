"""The same question with some constraints given up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.protection.overlay import Overlaid
from layoutplan.solve.facts import Fact, facts_of
from layoutplan.solve.problem import Item, Problem, Space, space_of, usable_slots, wholes_of

AMPLE = 1 << 26
"""Bytes added to a memory whose length is given up: more than all blocks of any real system."""


def keeping(problem: Problem, facts: Collection[Fact]) -> Problem:
    """``problem`` with only ``facts`` holding: what is not named is not asked, not reserved, not bounded."""
    gone = {fact for fact in facts_of(problem) if fact not in facts}
    items = tuple(
        _loosened(problem, item, index, gone)
        for index, item in enumerate(item for item in problem.items if Fact("block", item.index) not in gone)
    )
    spaces = tuple(_widened(problem, home, gone) for home in range(len(problem.spaces)))
    return replace(
        problem,
        unit=replace(problem.unit, memories=tuple(space.range for space in spaces))
        if isinstance(problem.unit, Overlaid)
        else problem.unit,
        items=items,
        spaces=spaces,
        budgets=tuple(_budget(problem, partition, gone) for partition in range(len(problem.partitions))),
    )


def _loosened(problem: Problem, item: Item, index: int, gone: Collection[Fact]) -> Item:
    block, wholes = item.block, item.wholes
    if Fact("pin", item.index) in gone:
        block = replace(block, pin=None)
    if Fact("split", item.index) in gone:
        block = replace(block, split=True)
        wholes = wholes_of(block, problem.unit) if item.charged else ()
    return Item(index=index, block=block, charged=item.charged, wholes=wholes)


def _widened(problem: Problem, home: int, gone: Collection[Fact]) -> Space:
    space = problem.spaces[home]
    kernel = 0 if Fact("kernel", home) in gone else space.kernel
    reserves = [
        reserve.range
        for index, reserve in enumerate(problem.system.reserves)
        if reserve.memory == space.name and Fact("reserve", index) not in gone
    ]
    whole = space.range
    if Fact("memory", home) in gone:
        whole = AddressRange(whole.base, whole.end + AMPLE)
    return space_of(space.name, whole, problem.unit.granule, kernel, reserves)


def _budget(problem: Problem, partition: int, gone: Collection[Fact]) -> int:
    """The slots for blocks, the ones that peripherals and caps still take put aside."""
    name = problem.partitions[partition]
    if not any(partition in item.charged for item in problem.items):
        return problem.budgets[partition]
    cap = problem.system.partition(name).slots
    limits = []
    if Fact("slots", 0) not in gone:
        limits.append(usable_slots(problem.system))
    if cap is not None and Fact("cap", partition) not in gone:
        limits.append(cap)
    if not limits:
        return AMPLE
    devices = 0 if Fact("devices", partition) in gone else problem.devices[partition]
    return min(limits) - devices
