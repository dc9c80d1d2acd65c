"""Smepmp: the kernel has locked entries of its own, first, and every plan that is found is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings

from layoutplan.address import AddressRange, align_up
from layoutplan.check import check_plan
from layoutplan.errors import BadInput
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import Kernel, System
from layoutplan.model.memory import Peripheral, PmpTraits, Reserve
from layoutplan.model.plan import Infeasible, Plan, Solved
from layoutplan.solve import solve
from layoutplan.solve.problem import usable_slots
from tests.solve.systems import RAM, Want, system, systems

TIMER = Peripheral(name="timer", range=AddressRange.of(0x0200_0000, 0x1_0000))
ODD = Peripheral(name="odd", range=AddressRange.of(0x0C00_0000, 0x60_0000))
UART = Peripheral(name="uart", range=AddressRange.of(0x4000_4000, 0x1000))
KERNEL = Kernel(code=512, data=32, bss=256, stack=512, peripherals=("timer",))


def asked(*, slots: int = 16, kernel: Kernel = KERNEL, reserves: Sequence[Reserve] = (), grain: int = 4) -> System:
    wants = [
        Want(name="a", text=700, rodata=40, data=20, bss=300, stack=128),
        Want(name="b", text=300, bss=64, stack=64, peripherals=("uart",)),
    ]
    return system(
        wants,
        slots=slots,
        unit=UnitName.PMP,
        pmp=PmpTraits(smepmp=True, grain=grain, modes=frozenset({"napot", "tor"})),
        kernel=kernel,
        peripherals=[UART, TIMER, ODD],
        reserves=reserves,
    )


def solved(given: System) -> Plan:
    outcome = solve(given)
    assert isinstance(outcome, Solved), outcome
    return outcome.plan


def test_the_kernels_entries_come_first_and_are_locked() -> None:
    given = asked()
    plan = solved(given)
    assert check_plan(given, plan).holds
    lowest = {memory: min(p.granted.base for p in plan.placements if p.memory == memory) for memory in ("flash", "ram")}
    assert [(region.owner, region.ranges) for region in plan.background] == [
        ("kernel code", (AddressRange(0, lowest["flash"]),)),
        ("kernel data", (AddressRange(RAM, lowest["ram"]),)),
        ("kernel peripheral timer", (TIMER.range,)),
    ]
    own = [words for region in plan.background for words in region.words]
    # L with R and X, or with R and W, by table 1 of Smepmp 1.0; lower bounds are locked too.
    assert [words[1] for words in own] == [0x80, 0x8D, 0x80, 0x8B, 0x9B]
    for slots in plan.registers.values():
        assert [slot.words for slot in slots[:5]] == own
        assert not any(slot.words[1] & 0x80 for slot in slots[5:])
    assert (plan.slots.first_static, plan.slots.first_dynamic) == (0, plan.slots.static)
    # A switch writes no configuration register with an executable entry of M-mode: nobody may add one under MML.
    assert plan.slots.first_dynamic // 4 > 1 // 4


def test_what_they_cost() -> None:
    """Two entries for code, two for data, one for a device that is a power of two, two for another."""
    plain = replace(asked(), target=replace(asked().target, pmp=PmpTraits()))
    assert usable_slots(plain) - usable_slots(asked()) == 5
    both = replace(KERNEL, peripherals=("timer", "odd"))
    assert usable_slots(plain) - usable_slots(asked(kernel=both)) == 7
    middle = Reserve(memory="ram", range=AddressRange.of(RAM + 2048, 256))
    assert usable_slots(plain) - usable_slots(asked(reserves=[middle])) == 7


def test_too_few_slots_are_told_with_what_the_kernel_takes() -> None:
    least = next(slots for slots in range(5, 17) if isinstance(solve(asked(slots=slots)), Solved))
    outcome = solve(asked(slots=least - 1))
    assert isinstance(outcome, Infeasible)
    assert any("5 are the kernel's entries with Smepmp" in constraint.text for constraint in outcome.core), outcome
    assert isinstance(solve(asked(slots=2)), Infeasible)


@pytest.mark.parametrize("base", [RAM, RAM + 1024, RAM + 4096 - 256], ids=["lowest", "between", "highest"])
def test_what_is_reserved_is_not_the_kernels(base: int) -> None:
    given = asked(reserves=[Reserve(memory="ram", range=AddressRange.of(base, 256))])
    plan = solved(given)
    assert check_plan(given, plan).holds
    assert not any(piece.overlaps(given.reserves[0].range) for region in plan.background for piece in region.ranges)


def test_a_coarse_grain() -> None:
    given = asked(grain=64)
    given = replace(given, target=replace(given.target, pmp=replace(given.target.pmp, modes=frozenset({"tor"}))))
    assert check_plan(given, solved(given)).holds


def test_an_accepted_excess_never_reaches_the_kernels_device() -> None:
    """One NAPOT entry of 16 bytes around a device of 12 would reach the kernel's behind it."""
    pmp = PmpTraits(smepmp=True, modes=frozenset({"napot", "tor"}))
    near = Peripheral(name="near", range=AddressRange.of(0x4000_0000, 12))
    mine = Peripheral(name="mine", range=AddressRange.of(0x4000_000C, 4))
    given = system(
        [Want(name="a", text=64, bss=64, peripherals=("near",), accept=frozenset({"excess"}))],
        slots=16,
        unit=UnitName.PMP,
        pmp=replace(pmp, smepmp=False, modes=frozenset({"napot"})),
        peripherals=[near, mine],
    )
    assert solved(given).peripherals[0].excess == 4
    with pytest.raises(BadInput, match="near"):
        solve(replace(given, kernel=replace(given.kernel, peripherals=("mine",))))


def test_every_plan_holds() -> None:
    held = 0

    @settings(deadline=None, derandomize=True, max_examples=30)
    @given(systems(unit=UnitName.PMP, most=3))
    def law(drawn: System) -> None:
        nonlocal held
        reserves = tuple(
            replace(reserve, range=AddressRange.of(reserve.range.base, align_up(reserve.range.size, 4)))
            for reserve in drawn.reserves
        )
        target = replace(drawn.target, slots=24, machine=Machine.RISCV, pmp=PmpTraits(smepmp=True))
        given_ = replace(drawn, target=target, reserves=reserves)
        outcome = solve(given_)
        if isinstance(outcome, Solved):
            verdict = check_plan(given_, outcome.plan)
            assert verdict.holds, (verdict.findings, verdict.unknown)
            held += given_.smepmp

    law()
    assert held > 10
