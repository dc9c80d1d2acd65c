"""Good plans hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange, subtract
from layoutplan.check import check_plan
from layoutplan.check.owners.facts import Facts, Need
from layoutplan.check.proof import rules
from layoutplan.check.sabotage import reference
from layoutplan.check.words.permits import Interval
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Plan


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_good_plan_holds(unit: UnitName) -> None:
    verdict = check_plan(reference.system(unit), reference.plan(unit))
    assert verdict.findings == ()
    assert verdict.unknown == ()
    assert verdict.proved == verdict.obligations > 0
    assert verdict.holds


def unsplit(unit: UnitName, names: frozenset[str]) -> tuple[System, Plan]:
    """The reference, with partitions whose blocks may not be cut; its blocks have one region each."""
    system = reference.system(unit)
    partitions = tuple(replace(p, split=p.name not in names) for p in system.partitions)
    return replace(system, partitions=partitions), reference.plan(unit)


@settings(deadline=None, derandomize=True, max_examples=12)
@given(st.sampled_from(reference.UNITS), st.frozensets(st.sampled_from(reference.PARTITIONS), min_size=1))
def test_splitting_that_is_forbidden_and_not_done_changes_no_verdict(unit: UnitName, names: frozenset[str]) -> None:
    verdict = check_plan(*unsplit(unit, names))
    assert verdict.findings == ()
    assert verdict.holds


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20), st.booleans(), st.sampled_from(Access)), max_size=4),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from(Access)), max_size=3),
)
def test_a_need_is_met_or_missed_byte_for_byte_whether_it_is_whole(
    wanted: list[tuple[int, int, bool, Access]], given_: list[tuple[int, int, Access]]
) -> None:
    needs = tuple(
        Need(partition="p", range=AddressRange.of(base, size), access=access, what="block", whole=whole)
        for base, size, whole, access in wanted
    )
    intervals: list[Interval] = []
    for slot, (base, size, access) in enumerate(given_):
        free = subtract(AddressRange.of(base, size), [interval.range for interval in intervals])
        intervals += [
            Interval(range=r, user=access, privileged=Access.RW | Access.RX, slot=slot, attribute=0) for r in free
        ]
    facts = Facts(partitions=("p",), needs=needs, territories=(), kernel_needs={}, types=(), aliases=())
    found = list(rules.availability("p", tuple(intervals), facts))
    missed = {byte for f in found if f.range is not None for byte in range(f.range.base, f.range.end)}
    permitted = {byte: i.user for i in intervals for byte in range(i.range.base, i.range.end)}
    assert missed == {
        byte
        for need in needs
        for byte in range(need.range.base, need.range.end)
        if need.access & ~permitted.get(byte, Access.NONE)
    }


def test_a_hole_in_an_unsplit_block_is_missed_by_its_partition() -> None:
    """SRD disables an eighth in the middle of ``uart.code``, at neither end of any need."""
    system, plan = unsplit(UnitName.ARMV7M, frozenset({"uart"}))
    slots = tuple(
        replace(slot, words=(slot.words[0], slot.words[1] | 1 << 10)) if slot.owner == "uart.code" else slot
        for slot in plan.registers["uart"]
    )
    verdict = check_plan(system, replace(plan, registers={**plan.registers, "uart": slots}))
    block = plan.placement("uart.code").granted
    hole = AddressRange.of(block.base + 0x100, 0x80)
    missed = [f for f in verdict.findings if f.rule == "availability"]
    assert {f.range for f in missed} == {hole}
    assert not {"methods-disagree", "vacuous"} & {f.rule for f in verdict.findings}
