"""``background = "none"``: the kernel has two static regions below every other, and cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from layoutplan.address import AddressRange
from layoutplan.check import check_plan
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import Kernel, System
from layoutplan.model.memory import Memory, Peripheral
from layoutplan.model.plan import DISABLED, Infeasible, Plan, Solved, Words
from layoutplan.solve import solve
from tests.solve.systems import RAM, Want, system

UART = Peripheral(name="uart", range=AddressRange.of(0x4000_4000, 0x1000))
KERNEL = Kernel(code=512, data=32, bss=256, stack=512, background=False)


def asked(*, slots: int = 8, unit: UnitName = UnitName.ARMV7M, kernel: Kernel = KERNEL, runtime: int = 200) -> System:
    wants = [
        Want(name="a", text=700, rodata=40, data=20, bss=300, stack=128),
        Want(name="b", text=300, bss=64, stack=64, peripherals=("uart",)),
    ]
    return system(wants, slots=slots, unit=unit, kernel=kernel, runtime=runtime, peripherals=[UART])


def solved(given: System) -> Plan:
    outcome = solve(given)
    assert isinstance(outcome, Solved), outcome
    return outcome.plan


@pytest.mark.parametrize("unit", [UnitName.ARMV7M, UnitName.ARMV6M])
@pytest.mark.parametrize("flash", [8192, 0x2800])
def test_the_kernels_regions_are_the_first_static_ones(unit: UnitName, flash: int) -> None:
    given = asked(unit=unit, runtime=256)
    given = replace(given, target=replace(given.target, memories=tuple(resized(given, flash))))
    plan = solved(given)
    code, data = plan.background
    assert [region.ranges for region in plan.background] == [
        (AddressRange.of(0, flash),),
        (AddressRange.of(RAM, 4096),),
    ]
    for slots in plan.registers.values():
        assert [slot.words for slot in slots[:2]] == [*code.words, *data.words]
        assert all(slot.static for slot in slots[:2])
    # AP and XN, by table B3-15: privileged read-only and executable; privileged read and write, never executed.
    assert [(words[1] >> 24 & 7, words[1] >> 28 & 1) for region in (code, data) for words in region.words] == [
        (0b101, 0),
        (0b001, 1),
    ]
    assert (plan.slots.first_static, plan.slots.static >= 2) == (0, True)
    assert check_plan(given, plan).holds


def resized(given: System, flash: int) -> list[Memory]:
    return [replace(m, range=AddressRange.of(0, flash)) if m.name == "flash" else m for m in given.target.memories]


def test_they_cost_every_partition_two_slots() -> None:
    least = next(slots for slots in range(1, 9) if isinstance(solve(asked(slots=slots)), Solved))
    usual = replace(KERNEL, background=True)
    assert isinstance(solve(asked(slots=least - 2, kernel=usual)), Solved)
    assert isinstance(solve(asked(slots=least - 3, kernel=usual)), Infeasible)
    assert solved(asked(kernel=usual)).background == ()


def test_a_cap_does_not_count_them() -> None:
    given = asked()
    plan = solved(given)
    used = {name: sum(slot.words != DISABLED for slot in slots) - 2 for name, slots in plan.registers.items()}
    capped = replace(given, partitions=tuple(replace(p, slots=used[p.name]) for p in given.partitions))
    assert check_plan(capped, solved(capped)).holds
    fewer = replace(given, partitions=tuple(replace(p, slots=used[p.name] - 1) for p in given.partitions))
    assert {f.rule for f in check_plan(fewer, plan).findings} == {"slot-cap"}


def rewritten(plan: Plan, slot: int, change: Callable[[Words], Words]) -> Plan:
    registers = {
        name: tuple(replace(one, words=change(one.words)) if one.index == slot else one for one in slots)
        for name, slots in plan.registers.items()
    }
    return replace(plan, registers=registers)


@pytest.mark.parametrize(
    ("slot", "change", "lost"),
    [
        (0, lambda _: DISABLED, "read and execute `kernel flash`"),
        (1, lambda _: DISABLED, "read and write `kernel ram`"),
        (0, lambda words: (words[0], words[1] | 1 << 28), "execute `kernel flash`"),
        (1, lambda words: (words[0], words[1] & ~(7 << 24) | 0b101 << 24), "write `kernel ram`"),
        (1, lambda words: (words[0], words[1] | 1 << 8), "read and write `kernel ram`"),
        (0, lambda words: (words[0], words[1] - 2), "read `a.code`"),
    ],
    ids=["no code", "no data", "code not executable", "data read-only", "an eighth off", "half the flash"],
)
def test_a_kernel_without_one_of_them_is_locked_out(slot: int, change: Callable[[Words], Words], lost: str) -> None:
    given = asked()
    findings = check_plan(given, rewritten(solved(given), slot, change)).findings
    assert {finding.rule for finding in findings} == {"kernel-access"}
    assert any(f"the kernel cannot {lost}" in finding.message for finding in findings), findings


def test_they_give_a_partition_nothing() -> None:
    given = asked()
    plan = solved(given)
    wide = rewritten(plan, 1, lambda words: (words[0], words[1] | 0b011 << 24))
    assert {"isolation"} <= {finding.rule for finding in check_plan(given, wide).findings}
    assert {region.access for region in plan.background} == {Access.NONE}


def test_with_its_background_map_the_kernel_needs_no_region() -> None:
    given = asked()
    plan = solved(given)
    usual = replace(given, kernel=replace(KERNEL, background=True))
    bare = rewritten(rewritten(plan, 0, lambda _: DISABLED), 1, lambda _: DISABLED)
    assert check_plan(usual, bare).holds
