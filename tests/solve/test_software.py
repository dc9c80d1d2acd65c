"""Bounds follow the linear memory to wherever it was placed, and the checker holds them to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from layoutplan.check import check_plan
from layoutplan.model.access import BoundsChecks, Isolation, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.plan import Plan, SoftwareBounds, Solved
from layoutplan.solve import solve
from tests.solve.systems import RAM, Want, system

CHECKS = {"a": BoundsChecks.SOFTWARE, "b": BoundsChecks.MASK}
SIZES = {"a": 700, "b": 512}


def bounded(*words: Isolation, unit: UnitName = UnitName.ARMV7M) -> System:
    wants = [Want(name=name, text=100, bss=40, stack=64) for name in ("a", "b", "c")]
    plain = system(wants, unit=unit, slots=16, ram=8192)
    components = tuple(
        replace(c, linear_memory=SIZES.get(c.name, 0), bounds_checks=CHECKS.get(c.name)) for c in plain.components
    )
    return replace(plain, components=components, isolation=frozenset(words))


def solved(given: System) -> Plan:
    outcome = solve(given)
    assert isinstance(outcome, Solved)
    return outcome.plan


@pytest.mark.parametrize("unit", [UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP])
@pytest.mark.parametrize("words", [(Isolation.SOFTWARE,), (Isolation.MPU, Isolation.SOFTWARE)], ids=len)
def test_each_partition_has_the_bounds_of_its_own_linear_memory(words: tuple[Isolation, ...], unit: UnitName) -> None:
    given = bounded(*words, unit=unit)
    plan = solved(given)
    expected = {}
    for name, size in SIZES.items():
        data = plan.placement(f"{name}.data")
        [part] = [part for part in data.block.parts if part.role is Role.LINEAR_MEMORY]
        mask = size - 1 if CHECKS[name] is BoundsChecks.MASK else 0
        expected[name] = SoftwareBounds(base=data.granted.base + part.offset, size=size, mask=mask)
    assert plan.software == expected
    assert all(bounds.base >= RAM and bounds.base % 4 == 0 for bounds in plan.software.values())
    assert plan.unit is (unit if Isolation.MPU in words else UnitName.NONE)
    assert any(slots for slots in plan.registers.values()) == (Isolation.MPU in words)
    assert check_plan(given, plan).holds


def test_nobody_has_bounds_without_software_isolation() -> None:
    assert solved(bounded(Isolation.MPU)).software == {}
    assert solved(bounded()).software == {}


BREAKS: Mapping[str, tuple[str, Callable[[SoftwareBounds], SoftwareBounds], str]] = {
    "one byte too many": ("a", lambda b: replace(b, size=b.size + 1), "701 B from"),
    "one byte below": ("a", lambda b: replace(b, base=b.base - 1), "are not inside the linear memory of `a`"),
    "another's memory": ("a", lambda b: replace(b, base=b.base + 0x400), "are not inside the linear memory of `a`"),
    "no bytes": ("a", lambda b: replace(b, size=0), "0 B from"),
    "a byte too few": ("a", lambda b: replace(b, size=b.size - 1), "leave out some of the 700 B"),
    "a later start": ("a", lambda b: replace(b, base=b.base + 4, size=b.size - 4), "leave out some of the 700 B"),
    "a mask of code that compares": ("a", lambda b: replace(b, mask=0xFF), "compares with the size"),
    "no mask": ("b", lambda b: replace(b, mask=0), "mask 0x0 does not keep"),
    "a mask too wide": ("b", lambda b: replace(b, mask=0x3FF), "mask 0x3ff does not keep an access inside 512 B"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_checker_refuses_bounds_that_are_not_the_memory(name: str) -> None:
    partition, change, message = BREAKS[name]
    given = bounded(Isolation.SOFTWARE)
    plan = solved(given)
    wrong = replace(plan, software={**plan.software, partition: change(plan.software[partition])})
    [finding] = check_plan(given, wrong).findings
    assert (finding.rule, finding.partition) == ("software-bounds", partition)
    assert message in finding.message


def test_the_checker_refuses_bounds_that_are_missing_or_too_many() -> None:
    given = bounded(Isolation.SOFTWARE)
    plan = solved(given)
    without = replace(plan, software={"a": plan.software["a"]})
    more = replace(plan, software={**plan.software, "c": plan.software["a"]})
    stranger = replace(plan, software={**plan.software, "z": plan.software["a"]})
    messages = [[f.message for f in check_plan(given, wrong).findings] for wrong in (without, more, stranger)]
    assert messages == [
        ["no bounds for the linear memory of `b`"],
        ["bounds of a linear memory that it does not have"],
        ["bounds of no partition"],
    ]
    unasked = bounded(Isolation.MPU)
    told = replace(solved(unasked), software=plan.software)
    assert {f.message for f in check_plan(unasked, told).findings} == {"bounds that nobody asked for"}
