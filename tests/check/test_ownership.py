"""Who owns a byte, in cases that are right and in their twins that are not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.check import check_plan
from layoutplan.check.owners.physical import depth, fold
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.plans import replaced, rewritten
from layoutplan.model.access import Access, Isolation, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import Alias, Peripheral
from layoutplan.model.plan import Plan

V7 = UnitName.ARMV7M
ODD = AddressRange.of(0x4000_5000, 0x64)


def rules(system: System, plan: Plan) -> set[str]:
    return {finding.rule for finding in check_plan(system, plan).findings}


def odd_peripheral(accept: frozenset[str], *others: Peripheral) -> tuple[System, Plan]:
    """usart1 shrunk to 100 bytes, which no region describes; the plan grants 128."""
    system, plan = reference.system(V7), reference.plan(V7)
    granted = AddressRange.of(ODD.base, 0x80)
    components = tuple(replace(c, accept=accept) if c.name == "uart" else c for c in system.components)
    peripherals = (Peripheral(name="usart1", range=ODD), *(p for p in system.peripherals if p.name != "usart1"))
    system = replace(system, components=components, peripherals=(*peripherals, *others))
    grants = tuple(
        replace(g, range=ODD, cover=(granted,), excess=28) if g.name == "usart1" else g for g in plan.peripherals
    )
    words = (granted.base, 1 << 28 | 0b011 << 24 | 0b000_101 << 16 | 6 << 1 | 1)
    return system, rewritten(replace(plan, peripherals=grants), "uart", "usart1", lambda _: words)


def test_excess_is_isolation_broken_until_it_is_accepted() -> None:
    assert rules(*odd_peripheral(frozenset())) == {"isolation"}
    assert rules(*odd_peripheral(frozenset({"excess"}))) == set()


def test_accepted_excess_never_reaches_another_bus_master() -> None:
    master = Peripheral(name="dma", range=AddressRange.of(ODD.end, 16), bus_master=True)
    assert rules(*odd_peripheral(frozenset({"excess"}), master)) == {"isolation"}
    assert rules(*odd_peripheral(frozenset({"excess", "dma"}), master)) == set()


def test_a_second_view_of_a_bus_master_is_one() -> None:
    system, plan = reference.system(V7), reference.plan(V7)
    granted = next(p for p in system.peripherals if p.name == "usart1")
    master = Peripheral(name="dma", range=AddressRange.of(0x4002_6000, granted.range.size), bus_master=True)
    alias = Alias(view=granted.range, target=master.range)
    target = replace(system.target, aliases=(*system.target.aliases, alias), peripherals=(master,))
    assert rules(replace(system, target=target), plan) == {"peripheral"}


def test_a_plan_without_isolation_holds_without_registers() -> None:
    system, plan = reference.system(V7), reference.plan(V7)
    accepted = tuple(replace(c, accept=frozenset({"no-isolation"})) for c in system.components)
    off: frozenset[Isolation] = frozenset()
    slots = replace(plan.slots, first_static=0, static=0, first_dynamic=0, dynamic=0, first_reserved=0, reserved=0)
    bare = replace(plan, unit=UnitName.NONE, isolation=off, slots=slots, registers=dict.fromkeys(plan.registers, ()))
    verdict = check_plan(replace(system, isolation=off, components=accepted), bare)
    assert verdict.holds, verdict.findings
    assert rules(replace(system, isolation=off), bare) == {"trust"}


def test_an_unsplit_partition_may_not_be_in_two_regions() -> None:
    """The data behind the stack in a region of its own: fine, unless the manifest forbids the seam."""
    system, plan = reference.system(V7), reference.plan(V7)
    granted = plan.placement("mixer.data").granted
    seam = granted.base + 0x280
    low, high = AddressRange(granted.base, seam), AddressRange(seam, granted.end)
    first = reference.encode(V7, low, Access.RW, "ram")
    second = (high.base, first[1] & ~0xFF3F | 0x00 << 8 | 6 << 1 | 1)
    plan = replaced(plan, "mixer.data", lambda p: replace(p, granted=granted, cover=(low, high)))
    plan = rewritten(plan, "mixer", "mixer.data", lambda _: first)
    plan = rewritten(plan, "mixer", plan.slots.first_dynamic + plan.slots.dynamic - 1, lambda _: second)
    assert rules(system, plan) == set()
    unsplit = tuple(replace(p, split=False) if p.name == "mixer" else p for p in system.partitions)
    assert rules(replace(system, partitions=unsplit), plan) == {"seam"}


def test_an_untrusted_component_in_a_verified_partition_needs_consent() -> None:
    system, plan = reference.system(V7), reference.plan(V7)
    joined = tuple(replace(c, partition="uart") if c.name == "mixer" else c for c in system.components)
    assert "trust" in rules(replace(system, components=joined), plan)


ALIASES = (
    Alias(view=AddressRange(0x200, 0x280), target=AddressRange(0x100, 0x120), scale=4),
    Alias(view=AddressRange(0x400, 0x440), target=AddressRange(0x200, 0x240)),
    Alias(view=AddressRange(0x500, 0x580), target=AddressRange(0x400, 0x440), scale=2),
)


def byte_behind(address: int) -> int:
    """What one address reaches, a step at a time: the first alias that shows it decides, until none does."""
    for alias in ALIASES:
        if alias.view.base <= address < alias.view.end:
            return byte_behind(alias.target.base + (address - alias.view.base) // alias.scale)
    return address


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.integers(0, 0x600), st.integers(1, 0x300))
def test_folding_a_range_is_folding_each_address(base: int, size: int) -> None:
    issued = AddressRange.of(base, size)
    pieces = list(fold(ALIASES, issued))
    reached = {byte for piece in pieces for byte in range(piece.physical.base, piece.physical.end)}
    assert reached == {byte_behind(address) for address in range(issued.base, issued.end)}
    for piece in pieces:
        for byte in range(piece.physical.base, piece.physical.end):
            where = piece.issued_for(AddressRange.of(byte, 1))
            assert any(byte_behind(address) == byte for address in range(where.base, where.end))


def test_chains_of_aliases_have_an_end_or_are_known_not_to() -> None:
    assert depth(()) == 0
    assert depth(ALIASES) == 3
    circle = Alias(view=AddressRange(0x600, 0x610), target=AddressRange(0x600, 0x610))
    assert depth((*ALIASES, circle)) is None
