"""Which unit a target has, what a switch stores, and the absence of a unit."""

from __future__ import annotations

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import FixedEntry, Memory, MemoryType, PmpTraits, Target
from layoutplan.protection import switch_stores, unit_for
from layoutplan.protection.unit import ProtectionUnit

RAM = Memory(
    name="ram", range=AddressRange.of(0x2000_0000, 0x1_0000), access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK
)


def unit(name: UnitName, pmp: PmpTraits | None = None) -> ProtectionUnit:
    return unit_for(Target(unit=name, slots=8, memories=(RAM,), pmp=pmp or PmpTraits()))


@pytest.mark.parametrize("name", list(UnitName))
def test_every_target_has_its_unit(name: UnitName) -> None:
    assert unit(name).name is name


@pytest.mark.parametrize("name", [UnitName.ARMV6M, UnitName.ARMV7M])
def test_pmsav7_stores_a_pair_a_slot_and_the_switch_twice(name: UnitName) -> None:
    assert [switch_stores(unit(name), slots) for slots in (0, 1, 4, 8)] == [0, 4, 10, 18]


def test_pmsav8_stores_the_bank_too() -> None:
    assert [switch_stores(unit(UnitName.ARMV8M), slots) for slots in (0, 1, 4, 5, 8)] == [0, 5, 11, 14, 20]


def test_pmp_stores_an_address_a_slot_and_packed_configurations() -> None:
    assert [switch_stores(unit(UnitName.PMP), slots) for slots in (0, 1, 4, 5, 8)] == [0, 2, 5, 7, 10]


def test_pmp_entries_that_begin_inside_a_configuration_word_touch_one_more() -> None:
    fixed = tuple(FixedEntry(index=index, address=0, config=0, hardwired=index < 3) for index in range(4))
    behind = unit(UnitName.PMP, PmpTraits(fixed=fixed))
    assert [switch_stores(behind, slots) for slots in (1, 2, 5, 6)] == [2, 4, 7, 9]


def test_without_a_unit_nothing_is_rounded_guarded_or_stored() -> None:
    none = unit(UnitName.NONE)
    assert none.granule == 1
    assert none.place(1003, 10, 4, 0) == AddressRange(992, 1002)
    assert none.place(1003, 1004, 1, 0) is None
    assert none.least_granted(10, 0) == 10
    odd = AddressRange(3, 8)
    assert none.cover(odd) == ()
    assert none.cost(()) == 0
    assert none.enclosing(odd, 0) == odd
    assert none.encode(odd, Access.RW, MemoryType.DEVICE, shareable=False) == ()
    assert none.types == frozenset(MemoryType)
    assert switch_stores(none, 4) == 0
