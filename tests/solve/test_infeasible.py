"""Infeasible questions with one fault each: the whole core, its sufficiency and minimality, and the ways out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Kernel, Role, Share, System
from layoutplan.model.memory import Peripheral, Reserve
from layoutplan.model.plan import Infeasible, OutOfEffort, Solved
from layoutplan.solve import solve
from layoutplan.solve.capacity import impossible
from layoutplan.solve.core import CoreFinder
from layoutplan.solve.effort import Effort
from layoutplan.solve.facts import Fact
from layoutplan.solve.homes import propose
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import problem_of
from layoutplan.solve.record import No, Record
from layoutplan.solve.relax import keeping
from layoutplan.solve.ways_out import shrunk
from tests.solve.systems import RAM, Want, system, systems

A = Want(name="a", text=1000, bss=500)
B = Want(name="b", text=2000, bss=700)
C = Want(name="c", text=900, bss=300)


def refused(asked: System) -> Infeasible:
    outcome = solve(asked)
    assert isinstance(outcome, Infeasible)
    assert outcome.minimal
    return outcome


def told(outcome: Infeasible) -> list[str]:
    return [f"{fact.name}: {fact.text} ({fact.where})" for fact in outcome.core]


def ways(outcome: Infeasible) -> list[str]:
    return [remedy.text for remedy in outcome.remedies]


def test_a_memory_too_small_for_the_bytes_asked() -> None:
    outcome = refused(system([A, B, C], flash=3872))
    assert told(outcome) == [
        "block a.code: `a.code` needs 1000 bytes of flash (1024 in one slot) and 1 slot of `a` "
        "(layout.toml: component.a)",
        "block b.code: `b.code` needs 2000 bytes of flash (2048 in one slot) and 1 slot of `b` "
        "(layout.toml: component.b)",
        "block c.code: `c.code` needs 900 bytes of flash (1024 in one slot) and 1 slot of `c` "
        "(layout.toml: component.c)",
        "memory flash: flash has 3872 bytes, [0x0000_0000, 0x0000_0f20) (layout.toml: memory.flash.length)",
    ]
    assert "`c` with 68 bytes less text: 832 instead of 900" in ways(outcome)


def test_a_memory_too_small_for_the_regions_only() -> None:
    """All bytes fit, but no order of single regions does."""
    outcome = refused(system([A, B, C], flash=4000, slots=2))
    assert [fact.name for fact in outcome.core] == [
        "block a.code",
        "block b.code",
        "block c.code",
        "block c.data",  # without it `c.code` would have two slots
        "memory flash",
        "slots",
    ]
    assert ways(outcome) == [
        "`c` with 4 bytes less text: 896 instead of 900",
        "`a` with 104 bytes less text: 896 instead of 1000",
        "96 bytes more of flash: 4096 instead of 4000",
        "`b` with 208 bytes less text: 1792 instead of 2000",
    ]


def test_two_pins_that_overlap() -> None:
    a = Want(name="a", text=1000, bss=500, pin={Kind.DATA: RAM + 0x400})
    b = Want(name="b", text=2000, bss=700, pin={Kind.DATA: RAM + 0x500})
    outcome = refused(system([a, b, C]))
    assert told(outcome) == [
        "block a.data: `a.data` needs 500 bytes of ram (512 in one slot) and 1 slot of `a` (layout.toml: component.a)",
        "block b.data: `b.data` needs 700 bytes of ram (768 in one slot) and 1 slot of `b` (layout.toml: component.b)",
        "pin a.data: `a.data` is pinned to 0x2000_0400 (layout.toml: partition.a.pin.data)",
        "pin b.data: `b.data` is pinned to 0x2000_0500 (layout.toml: partition.b.pin.data)",
    ]
    assert ways(outcome) == [
        "lift the pin of `a.data`",
        "lift the pin of `b.data`",
        "`a` with 244 bytes less bss: 256 instead of 500",
    ]


def test_a_pin_between_granules() -> None:
    outcome = refused(system([Want(name="a", text=1000, bss=500, pin={Kind.DATA: RAM + 16}), B]))
    assert told(outcome) == [
        "block a.data: `a.data` needs 500 bytes of ram (512 in one slot) and 1 slot of `a` (layout.toml: component.a)",
        "pin a.data: `a.data` is pinned to 0x2000_0010, which is not a multiple of 32 "
        "(layout.toml: partition.a.pin.data)",
    ]
    assert ways(outcome) == ["lift the pin of `a.data`"]


def test_a_pin_in_another_memory() -> None:
    outcome = refused(system([Want(name="a", text=1000, bss=500, pin={Kind.DATA: 0x1000}), B]))
    assert [fact.name for fact in outcome.core] == ["block a.data", "pin a.data"]


def test_a_pin_in_a_reserve() -> None:
    held = Reserve(memory="ram", range=AddressRange.of(RAM + 0x500, 64))
    outcome = refused(system([Want(name="a", text=1000, bss=500, pin={Kind.DATA: RAM + 0x400})], reserves=[held]))
    assert [fact.text for fact in outcome.core] == [
        "`a.data` needs 500 bytes of ram (512 in one slot) and 1 slot of `a`",
        "`a.data` is pinned to 0x2000_0400",
        "[0x2000_0500, 0x2000_0540) of ram is reserved",
    ]
    assert ways(outcome)[:2] == ["free the reserve at 0x2000_0500 of ram", "lift the pin of `a.data`"]


def test_reserves_that_leave_no_hole() -> None:
    held = [Reserve(memory="ram", range=AddressRange.of(RAM + 0x200 * k, 32)) for k in range(1, 4)]
    outcome = refused(system([Want(name="a", text=1000, bss=600)], ram=2048, reserves=held))
    assert [fact.name for fact in outcome.core] == [
        "block a.data",
        "memory ram",
        "reserve 0x2000_0200",
        "reserve 0x2000_0400",
        "reserve 0x2000_0600",
    ]


def test_more_blocks_than_slots() -> None:
    outcome = refused(system([Want(name="a", text=1000, bss=500, slots=1), B]))
    assert told(outcome)[-1] == "slots a: partition `a` may use 1 slot (layout.toml: partition.a.slots)"
    assert ways(outcome) == ["allow `a` 1 slot more: slots = 2"]


def test_more_peripherals_than_slots() -> None:
    own = [Peripheral(name=f"p{k}", range=AddressRange.of(0x4000_0000 + 0x100_0000 * k, 0x400)) for k in range(3)]
    want = Want(name="a", text=100, bss=64, peripherals=("p0", "p1", "p2"))
    outcome = refused(system([want], slots=5, kernel=Kernel(reserved_slots=1), peripherals=own))
    assert [fact.text for fact in outcome.core] == [
        "`a.code` needs 100 bytes of flash (128 in one slot) and 1 slot of `a`",
        "`a.data` needs 64 bytes of ram and 1 slot of `a`",
        "`p0` [0x4000_0000, 0x4000_0400), `p1` [0x4100_0000, 0x4100_0400), `p2` [0x4200_0000, 0x4200_0400) "
        "need 3 slots of `a`",
        "the armv7m has 5 slots, of which the kernel reserves 1: 4 a partition",
    ]
    assert ways(outcome) == ["let the kernel reserve 0 slots instead of 1"]


def test_a_block_that_may_not_be_split() -> None:
    """One region for 300 bytes across the end of an aligned block: only two can match them, whatever they deny."""
    pin = {Kind.DATA: RAM + 0xFE0}
    assert isinstance(solve(system([Want(name="a", text=100, bss=300, pin=pin)], ram=8192)), Solved)
    outcome = refused(system([Want(name="a", text=100, bss=300, pin=pin, split=False)], ram=8192))
    assert [fact.name for fact in outcome.core] == ["block a.data", "pin a.data", "split a.data"]
    assert "allow `a` split = true" in ways(outcome)


def test_a_share_costs_every_sharer_a_slot() -> None:
    ring = Share(name="ring", size=512, memory="ram", access={"a": Access.RW, "b": Access.R})
    assert isinstance(solve(system([Want(name="a", text=100, bss=64, slots=3), B], shares=[ring])), Solved)
    outcome = refused(system([Want(name="a", text=100, bss=64, slots=2), B], shares=[ring]))
    assert [fact.name for fact in outcome.core] == ["block a.code", "block a.data", "block shared:ring", "slots a"]


def test_the_kernel_leaves_too_little() -> None:
    outcome = refused(system([Want(name="a", text=1000, bss=500)], ram=2048, kernel=Kernel(bss=1000, stack=600)))
    assert [fact.text for fact in outcome.core] == [
        "`a.data` needs 500 bytes of ram (512 in one slot) and 1 slot of `a`",
        "the kernel takes 1600 bytes or more of ram",
        "ram has 2048 bytes, [0x2000_0000, 0x2000_0800)",
    ]


def test_a_kernel_larger_than_its_memory() -> None:
    outcome = refused(system([Want(name="a", bss=500)], flash=2048, kernel=Kernel(code=2049)))
    assert [fact.text for fact in outcome.core] == [
        "the kernel takes 2049 bytes or more of flash",
        "flash has 2048 bytes, [0x0000_0000, 0x0000_0800)",
    ]
    assert ways(outcome) == ["1 byte more of flash: 2049 instead of 2048"]


def test_the_kernel_stands_behind_what_is_reserved_at_its_origin() -> None:
    """A boot loader's flash is not the kernel's, and what is left above it is what the kernel has."""
    boot = Reserve(memory="flash", range=AddressRange.of(0, 1024))
    inner = Reserve(memory="flash", range=AddressRange.of(64, 64))
    asked = system([Want(name="a", text=1024)], flash=4096, kernel=Kernel(code=2048), reserves=[boot, inner])
    outcome = solve(asked)
    assert isinstance(outcome, Solved)
    assert outcome.plan.placements[0].granted == AddressRange(3072, 4096)
    for effort in (20_000, 0):
        tight = solve(
            system([Want(name="a", text=1028)], flash=4096, kernel=asked.kernel, reserves=[boot]), effort=effort
        )
        assert isinstance(tight, Infeasible)
        assert [fact.name for fact in tight.core] == [
            "block a.code",
            "kernel flash",
            "memory flash",
            "reserve 0x0000_0000",
        ]
    lone = refused(system([Want(name="a", bss=64)], flash=4096, kernel=Kernel(code=3073), reserves=[boot, inner]))
    assert [fact.name for fact in lone.core] == ["kernel flash", "memory flash", "reserve 0x0000_0000"]
    assert ways(lone) == ["1 byte more of flash: 4097 instead of 4096"]


def test_code_that_is_copied_to_ram_waits_in_flash() -> None:
    """One byte less of flash than the load images of `a.code` and `a.data` together."""
    fast = {Kind.CODE: ("tcm",)}
    asked = [Want(name="a", text=1000, data=12, memory=fast)]
    assert isinstance(solve(system(asked, flash=1016, tcm=2048)), Solved)
    outcome = refused(system(asked, flash=1015, tcm=2048))
    assert [fact.text for fact in outcome.core] == [
        "the kernel takes 1016 bytes or more of flash, 1016 of them the load images of what is copied to RAM",
        "flash has 1015 bytes, [0x0000_0000, 0x0000_03f7)",
    ]


def test_the_kernel_is_in_one_piece() -> None:
    held = Reserve(memory="ram", range=AddressRange.of(RAM + 0x400, 32))
    asked = [Want(name="a", bss=500)]
    assert isinstance(solve(system(asked, kernel=Kernel(bss=1000, stack=24), reserves=[held])), Solved)
    outcome = refused(system(asked, kernel=Kernel(bss=1000, stack=25), reserves=[held]))
    assert [fact.name for fact in outcome.core] == ["kernel ram", "reserve 0x2000_0400"]
    assert ways(outcome) == ["free the reserve at 0x2000_0400 of ram"]


def test_a_peripheral_that_no_region_matches_states_the_excess() -> None:
    odd = Peripheral(name="odd", range=AddressRange.of(0x4000_0010, 0x30))
    with pytest.raises(BadInput) as refusal:
        solve(system([Want(name="a", text=100, peripherals=("odd",))], peripherals=[odd]))
    assert [str(fault) for fault in refusal.value.faults] == [
        "error[peripheral-excess]: no armv7m region matches peripheral `odd` [0x4000_0010, 0x4000_0040) exactly; "
        "the least that does, [0x4000_0000, 0x4000_0040), grants 16 bytes more\n"
        "  at layout.toml: component.a.peripherals\n"
        'hint: component.a: accept = ["excess"], or give the peripheral a base and size that are multiples of 32'
    ]


def test_an_accepted_excess_is_in_the_plan() -> None:
    odd = Peripheral(name="odd", range=AddressRange.of(0x4000_0010, 0x30))
    want = Want(name="a", text=100, peripherals=("odd",), accept=frozenset({"excess"}))
    outcome = solve(system([want], peripherals=[odd]))
    assert isinstance(outcome, Solved)
    assert [(grant.name, grant.excess) for grant in outcome.plan.peripherals] == [("odd", 16)]


def test_an_excess_never_reaches_another_partition() -> None:
    odd = Peripheral(name="odd", range=AddressRange.of(0x4000_0010, 0x30))
    near = Peripheral(name="near", range=AddressRange.of(0x4000_0000, 0x10))
    wants = [
        Want(name="a", text=100, peripherals=("odd",), accept=frozenset({"excess"})),
        Want(name="b", text=100, peripherals=("near",), accept=frozenset({"excess"})),
    ]
    with pytest.raises(BadInput) as refusal:
        solve(system(wants, peripherals=[odd, near]))
    assert {fault.code for fault in refusal.value.faults} == {"peripheral-cover"}


def test_a_pin_of_what_is_not_there_is_the_inputs_fault() -> None:
    shared = Want(name="a", text=100, private=False, pin={Kind.CODE: 0x1000})
    with pytest.raises(BadInput) as refusal:
        solve(system([shared]))
    assert [str(fault) for fault in refusal.value.faults] == [
        "error[pin-nothing]: partition `a` pins its code, but has no code block of its own\n"
        "  at layout.toml: partition.a.pin.code\n"
        'hint: remove the pin, or give the partition code = "private"'
    ]


def test_counting_needs_no_z3(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "z3", None)
    assert isinstance(solve(system([A, B, C], flash=2048)), Infeasible)
    assert isinstance(solve(system([Want(name="a", text=1000, bss=500, slots=1)])), Infeasible)


def test_a_byte_less_than_a_remedy_does_not_help() -> None:
    asked = system([A, B, C], flash=4000, slots=2)
    assert isinstance(solve(shrunk(asked, "c", Role.TEXT, 4)), Solved)
    assert isinstance(solve(shrunk(asked, "c", Role.TEXT, 3)), Infeasible)


PINNED = Want(name="a", text=100, bss=300, pin={Kind.DATA: RAM + 0xE0})
HELD = Reserve(memory="ram", range=AddressRange.of(RAM + 0x100, 64))

REMEDIES: Mapping[str, tuple[System, str, System, System | None]] = {
    # The question, the remedy, the question with it, and with one step less of it.
    "bytes": (
        system([A, B, C], flash=4000, slots=2),
        "`a` with 104 bytes less text: 896 instead of 1000",
        system([replace(A, text=896), B, C], flash=4000, slots=2),
        system([replace(A, text=897), B, C], flash=4000, slots=2),
    ),
    "memory": (
        system([A, B, C], flash=4000, slots=2),
        "96 bytes more of flash: 4096 instead of 4000",
        system([A, B, C], flash=4096, slots=2),
        system([A, B, C], flash=4095, slots=2),
    ),
    "slots": (
        system([replace(PINNED, slots=1, pin={}), B]),
        "allow `a` 1 slot more: slots = 2",
        system([replace(PINNED, slots=2, pin={}), B]),
        system([replace(PINNED, slots=1, pin={}), B]),
    ),
    "two slots": (
        system([replace(PINNED, slots=1), B]),
        "allow `a` 2 slots more: slots = 3",
        system([replace(PINNED, slots=3), B]),
        system([replace(PINNED, slots=2), B]),
    ),
    "split": (
        system([replace(PINNED, split=False, pin={Kind.DATA: RAM + 0xFE0})], ram=8192),
        "allow `a` split = true",
        system([replace(PINNED, pin={Kind.DATA: RAM + 0xFE0})], ram=8192),
        None,
    ),
    "pin": (
        system([PINNED], reserves=[HELD]),
        "lift the pin of `a.data`",
        system([replace(PINNED, pin={})], reserves=[HELD]),
        None,
    ),
    "reserve": (
        system([PINNED], reserves=[HELD]),
        "free the reserve at 0x2000_0100 of ram",
        system([PINNED]),
        None,
    ),
    "the kernel's slots": (
        system([A], slots=4, kernel=Kernel(reserved_slots=3)),
        "let the kernel reserve 2 slots instead of 3",
        system([A], slots=4, kernel=Kernel(reserved_slots=2)),
        None,
    ),
}


@pytest.mark.parametrize("kind", REMEDIES)
def test_a_remedy_of_each_kind_helps_and_a_step_less_of_it_does_not(kind: str) -> None:
    asked, text, helped, nearly = REMEDIES[kind]
    assert text in ways(refused(asked))
    assert isinstance(solve(helped), Solved)
    assert nearly is None or isinstance(solve(nearly), Infeasible)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(systems(most=3, largest=1500).filter(lambda asked: asked.unit is UnitName.ARMV7M))
def test_what_the_core_names_fails_alone_and_without_any_one_of_it_fits(asked: System) -> None:
    problem = problem_of(asked)
    placer = Placer(problem.unit)
    core = impossible(problem)
    if core:
        core, minimal = CoreFinder(problem, placer, None, 40_000).minimal(core)
    else:
        if propose(problem, placer, Effort(20_000)).proposal is not None:
            return
        record = Record(problem)
        answer = record.check(record.facts, 40_000)
        if not isinstance(answer, No):
            return
        core, minimal = CoreFinder(problem, placer, record, 40_000).minimal(answer.core)
    if not minimal:
        return
    assert not _fits(problem, placer, core)
    for fact in core:
        assert _fits(problem, placer, [other for other in core if other != fact]), fact


def _fits(problem: object, placer: Placer, facts: object) -> bool:
    from layoutplan.solve.problem import Problem

    assert isinstance(problem, Problem)
    assert isinstance(facts, (list, tuple))
    kept: list[Fact] = list(facts)
    searched = propose(keeping(problem, kept), placer, Effort(60_000), any_will_do=True)
    if searched.proposal is None and not searched.decided:
        return not isinstance(Record(problem).check(kept, 60_000), No)
    return searched.proposal is not None


def test_a_hopeless_effort_is_undecided_and_not_a_no() -> None:
    wants = [Want(name=f"t{k:02}", bss=333 + 97 * k, slots=1) for k in range(24)]
    total = sum(333 + 97 * k for k in range(24))
    outcome = solve(system(wants, ram=(total + 1500) & -32, flash=1024), effort=1)
    assert isinstance(outcome, OutOfEffort)
    assert outcome.reason == "neither a layout nor its impossibility was found within 1 steps"


def test_bytes_that_only_rounding_makes_too_many_are_told_without_z3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of twelve blocks is one byte over a granule; the bytes fit, the granules are one too many."""
    import sys

    monkeypatch.setitem(sys.modules, "z3", None)
    wants = [Want(name=f"t{k:02}", bss=33) for k in range(12)]
    outcome = refused(system(wants, ram=12 * 64 - 32))
    assert [fact.name for fact in outcome.core] == [*(f"block t{k:02}.data" for k in range(12)), "memory ram"]
    assert "32 bytes more of ram: 768 instead of 736" in ways(outcome)
