"""Laws of every answer, checked byte by byte against the register words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Infeasible, OutOfEffort, Plan, Solved
from layoutplan.solve import blocks_of, solve
from tests.oracles import armv7m, armv8m, pmp
from tests.solve.systems import systems

SMALL_EFFORT = 40_000
ALLOWED = {
    UnitName.ARMV6M: armv7m.allowed,
    UnitName.ARMV7M: armv7m.allowed,
    UnitName.ARMV8M: armv8m.allowed,
    UnitName.PMP: pmp.allowed,
}
"""What the registers let unprivileged code do at an address, by manuals and not by the planner."""


def _well_placed(system: System, plan: Plan) -> None:
    """Every block is in a memory it names, whole, aligned, above the kernel, off the reserves and off the others."""
    assert tuple(placement.block for placement in plan.placements) == blocks_of(system)
    for placement in plan.placements:
        memory = system.target.memory(placement.memory).range
        assert placement.memory in placement.block.memories
        assert memory.contains(placement.granted)
        assert placement.granted.contains(placement.used)
        assert placement.granted.base % placement.block.align == 0
        assert placement.block.pin in (None, placement.granted.base)
        for reserve in system.reserves:
            assert not reserve.range.overlaps(placement.granted)
        if placement.memory == system.kernel.data_memory:
            kernel = system.kernel.data + system.kernel.bss + system.kernel.stack
            assert placement.granted.base >= memory.base + kernel
    for one, other in itertools.combinations(plan.placements, 2):
        assert not one.granted.overlaps(other.granted), (one.block.name, other.block.name)


def _regions_are_grants(system: System, plan: Plan) -> None:
    """At every edge of every block and one byte beside it each partition has the block's rights and no others."""
    edges = {
        address
        for placement in plan.placements
        for edge in (placement.granted.base, placement.granted.end, placement.used.end)
        for address in (edge - 1, edge)
    }
    for partition, slots in plan.registers.items():
        assert [slot.index for slot in slots] == list(range(system.target.slots))
        cap = system.partition(partition).slots
        assert cap is None or sum(slot.words != (0, 0) for slot in slots) <= cap
        assert all(slot.words == (0, 0) for slot in slots if slot.reserved)
        for address in sorted(edges):
            granted = ""
            for placement in plan.placements:
                if address in placement.granted:
                    granted = placement.block.granted_to.get(partition, Access.NONE).letters
            allowed = ALLOWED[plan.unit]([slot.words for slot in slots], address)
            assert allowed == granted, (partition, hex(address))


def _nothing_cuts_a_whole(plan: Plan) -> None:
    for placement in plan.placements:
        assert placement.cover[0].base == placement.granted.base
        assert placement.cover[-1].end == placement.granted.end
        for lower, upper in itertools.pairwise(placement.cover):
            assert lower.end == upper.base
            for part in placement.block.parts:
                inside = AddressRange.of(placement.granted.base + part.offset, part.size)
                assert not (part.whole and inside.base < upper.base < inside.end)
        if not placement.block.split:
            assert len([piece for piece in placement.cover if piece.overlaps(placement.used)]) == 1


def _counted(system: System, plan: Plan) -> None:
    """The objective is the weighted padding and gaps, and no less than its bound."""
    total = 0.0
    for memory in system.target.memories:
        here = [placement for placement in plan.placements if placement.memory == memory.name]
        loose = [placement.granted.base for placement in here if placement.block.pin is None]
        waste = sum(placement.padding for placement in here)
        if loose:
            owned = [placement.granted for placement in here]
            owned += [reserve.range for reserve in system.reserves if reserve.memory == memory.name]
            span = AddressRange(min(loose), memory.range.end)
            inside = [part for part in (span.intersection(piece) for piece in owned) if part]
            waste += span.size - sum(part.size for part in inside)
        total += waste * plan.objective.weights[memory.name]
    assert abs(total - plan.objective.value) < 1e-9
    assert plan.objective.bound <= plan.objective.value
    assert plan.objective.optimal == (plan.objective.bound == plan.objective.value)


def _hold(system: System, plan: Plan) -> None:
    _well_placed(system, plan)
    _counted(system, plan)
    if plan.unit is UnitName.NONE:
        assert plan.slots.dynamic == plan.slots.static == 0
        assert all(slots == () for slots in plan.registers.values())
        assert all(placement.padding == 0 for placement in plan.placements)
    else:
        _regions_are_grants(system, plan)
        _nothing_cuts_a_whole(plan)


def _laws(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


@pytest.mark.parametrize("unit", ALLOWED)
def test_an_answer_is_a_plan_that_holds_or_a_core_or_undecided(unit: UnitName) -> None:
    plans = 0

    @_laws(16)
    @given(systems(unit=unit))
    def law(system: System) -> None:
        nonlocal plans
        outcome = solve(system, effort=SMALL_EFFORT)
        match outcome:
            case Solved(plan=plan):
                _hold(system, plan)
                plans += plan.unit is unit
            case Infeasible(core=core):
                assert core
            case OutOfEffort(reason=reason):
                assert reason

    law()
    assert plans >= 3, "nearly every system is refused"


@pytest.mark.parametrize("unit", ALLOWED)
def test_z3_alone_agrees_with_the_search(unit: UnitName) -> None:
    """Both say yes, or both say no; an undecided one contradicts nobody."""

    @_laws(7)
    @given(systems(most=3, largest=900, unit=unit))
    def law(system: System) -> None:
        searched, asked = solve(system, effort=SMALL_EFFORT), solve(system, effort=SMALL_EFFORT, solver="z3")
        if isinstance(searched, Solved) and not isinstance(asked, OutOfEffort):
            assert isinstance(asked, Solved)
            _hold(system, asked.plan)
            if searched.plan.objective.optimal:
                same_homes = [p.memory for p in searched.plan.placements] == [p.memory for p in asked.plan.placements]
                assert not same_homes or asked.plan.objective.value >= searched.plan.objective.value
        if isinstance(searched, Infeasible):
            assert not isinstance(asked, Solved)

    law()
