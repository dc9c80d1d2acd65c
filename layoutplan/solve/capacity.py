"""Impossibilities that counting shows: slots, and bytes of one memory. Each with its numbers, without Z3."""

from __future__ import annotations

from layoutplan.address import align_up
from layoutplan.solve.facts import Fact, least_slots
from layoutplan.solve.problem import Problem, usable_slots


def impossible(problem: Problem) -> tuple[Fact, ...]:
    """The first core that counting alone gives, minimal; empty when counting forbids nothing."""
    return _slots(problem) or _bytes(problem)


def _slots(problem: Problem) -> tuple[Fact, ...]:
    """More slots needed at least, by one partition, than it may have."""
    usable = usable_slots(problem.system)
    for index, name in enumerate(problem.partitions):
        needs = {
            Fact("block", item.index): least_slots(problem, item.index)
            for item in problem.items
            if index in item.charged
        }
        if problem.devices[index]:
            needs[Fact("devices", index)] = problem.devices[index]
        cap = problem.system.partition(name).slots
        limit = (Fact("slots", 0), usable) if cap is None or cap >= usable else (Fact("cap", index), cap)
        if sum(needs.values()) > limit[1]:
            return (*_fewest(needs, limit[1]), limit[0])
    return ()


def _bytes(problem: Problem) -> tuple[Fact, ...]:
    """More bytes asked of one memory, by what can live nowhere else, than it has."""
    for home, space in enumerate(problem.spaces):
        needs = {
            Fact("block", item.index): align_up(item.block.size, problem.unit.granule)
            for item in problem.items
            if problem.homes(item) == (home,)
        }
        taken = {
            Fact("reserve", index): part.size
            for index, reserve in enumerate(problem.system.reserves)
            if reserve.memory == space.name and (part := reserve.range.intersection(space.range)) is not None
        }
        if space.kernel:
            taken[Fact("kernel", home)] = space.kernel
        overlaps = sum(taken.values()) - (space.range.size - sum(interval.size for interval in space.free))
        if overlaps <= 0 and sum(needs.values()) + sum(taken.values()) > space.range.size:
            return (*_fewest(needs | taken, space.range.size), Fact("memory", home))
    return ()


def _fewest(needs: dict[Fact, int], limit: int) -> tuple[Fact, ...]:
    """Facts whose needs exceed ``limit`` together and no longer when one is left out; the largest needs first."""
    kept = dict(needs)
    for fact, need in sorted(needs.items(), key=lambda pair: (pair[1], pair[0])):
        if sum(kept.values()) - need > limit:
            del kept[fact]
    return tuple(kept)
