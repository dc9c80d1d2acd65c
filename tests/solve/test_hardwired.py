"""Hard-wired PMP entries: never written, and what they open is closed in every partition before its own grants end."""

from __future__ import annotations

import pytest

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.model.access import UnitName
from layoutplan.model.memory import FixedEntry, Peripheral, PmpTraits
from layoutplan.model.plan import Plan, Solved
from layoutplan.solve import solve
from layoutplan.solve.problem import problem_of, usable_slots
from tests.solve.systems import Want, system

OPEN = PmpTraits(
    grain=32,
    modes=frozenset({"napot"}),
    fixed=tuple(
        FixedEntry(index=index, address=address, config=0x1F, hardwired=True)
        for index, address in ((8, 0x01FF_FFFF), (9, 0x13FF_FFFF), (10, 0x35FF_FFFF))
    ),
)
NAPOT = 3 << 3


def matches(words: tuple[int, int], address: int) -> bool:
    """Whether a NAPOT entry matches the byte at ``address``."""
    pmpaddr, config = words
    if config & NAPOT != NAPOT:
        return False
    units = pmpaddr ^ (pmpaddr + 1)
    return address >> 2 | units == pmpaddr | units


def rights(plan: Plan, partition: str, address: int) -> int:
    """What the lowest-numbered matching entry gives."""
    for slot in plan.registers[partition]:
        if matches(slot.words, address):
            return slot.words[1] & 7
    return 0


def planned() -> Plan:
    uart = Peripheral(name="uart", range=AddressRange.of(0x4003_4000, 0x1000))
    wants = [Want(name="a", bss=96, peripherals=("uart",)), Want(name="b", bss=500)]
    outcome = solve(system(wants, slots=11, unit=UnitName.PMP, pmp=OPEN, peripherals=[uart]))
    assert isinstance(outcome, Solved)
    return outcome.plan


def test_hardwired_entries_and_those_that_close_them_leave_five_of_eleven() -> None:
    assert usable_slots(system([Want(name="a", bss=1)], slots=11, unit=UnitName.PMP, pmp=OPEN)) == 5


def test_what_the_chip_opens_is_closed_but_for_what_is_granted() -> None:
    plan = planned()
    for address in (0x0000_0000, 0x0FFF_FFFF, 0x4000_0000, 0x5FFF_FFFF, 0xD000_0000, 0xDFFF_FFFF):
        assert rights(plan, "a", address) == rights(plan, "b", address) == 0
    assert rights(plan, "a", 0x4003_4000) == 0b011
    assert rights(plan, "a", 0x4003_4FFF) == 0b011
    assert rights(plan, "b", 0x4003_4000) == 0


def test_hardwired_entries_are_in_the_registers_as_the_chip_has_them() -> None:
    plan = planned()
    for slots in plan.registers.values():
        assert [slot.words for slot in slots[8:]] == [(entry.address, entry.config) for entry in OPEN.fixed]
    assert plan.slots.first_dynamic == 0
    assert plan.slots.static + plan.slots.dynamic + plan.slots.reserved + len(OPEN.fixed) == 11


def test_without_open_entries_nothing_is_closed() -> None:
    closed = PmpTraits(fixed=(FixedEntry(index=0, address=0, config=0, hardwired=True),))
    assert problem_of(system([Want(name="a", bss=1)], unit=UnitName.PMP, pmp=closed)).budgets == (7,)


def test_a_hardwired_entry_between_programmable_ones_is_refused() -> None:
    between = PmpTraits(fixed=(FixedEntry(index=3, address=0, config=0, hardwired=True),))
    with pytest.raises(BadInput) as refusal:
        solve(system([Want(name="a", bss=1)], unit=UnitName.PMP, pmp=between))
    assert [fault.code for fault in refusal.value.faults] == ["hardwired-between"]
