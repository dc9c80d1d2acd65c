"""Impossibilities that counting shows: slots, the kernel's room, bytes of one memory. Each with its numbers, no Z3."""

from __future__ import annotations

from collections.abc import Collection

from layoutplan.address import AddressRange, align_up
from layoutplan.solve.facts import Fact, least_slots
from layoutplan.solve.problem import Problem, above, usable_slots
from layoutplan.solve.shared_bounds import most_shared


def impossible(problem: Problem) -> tuple[Fact, ...]:
    """The first core that counting alone gives, minimal; empty when counting forbids nothing."""
    return _slots(problem) or _kernel(problem) or _bytes(problem)


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
        most = limit[1] + most_shared(problem, index)
        if sum(needs.values()) > most:
            return (*_fewest(needs, most), limit[0])
    return ()


def _kernel(problem: Problem) -> tuple[Fact, ...]:
    """No room for the kernel's least bytes in one piece, at the origin of a memory or behind what is reserved there."""
    reserves = problem.system.reserves
    for home, space in enumerate(problem.spaces):
        held = [(reserve.range, index) for index, reserve in enumerate(reserves) if reserve.memory == space.name]
        # The upper ones are given up first: one at the origin moves the kernel off those inside it.
        facts = [*(Fact("reserve", index) for _, index in sorted(held, reverse=True)), Fact("memory", home)]
        if not space.kernel or _kernel_fits(problem, home, facts):
            continue
        while (fewer := _without_one(problem, home, facts)) is not None:
            facts = fewer
        return (Fact("kernel", home), *facts)
    return ()


def _without_one(problem: Problem, home: int, facts: list[Fact]) -> list[Fact] | None:
    """``facts`` less one that the kernel's lack of room does not need; ``None`` when it needs each."""
    fewer = ([other for other in facts if other != fact] for fact in facts)
    return next((rest for rest in fewer if not _kernel_fits(problem, home, rest)), None)


def _kernel_fits(problem: Problem, home: int, facts: Collection[Fact]) -> bool:
    space = problem.spaces[home]
    reserves = [
        reserve.range for index, reserve in enumerate(problem.system.reserves) if Fact("reserve", index) in facts
    ]
    own = AddressRange.of(above(reserves, space.range.base), space.kernel)
    ends = Fact("memory", home) in facts and own.end > space.range.end
    return not ends and not any(reserve.overlaps(own) for reserve in reserves)


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
