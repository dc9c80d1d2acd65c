"""What the report says that words match, on every unit, against values worked out from the manuals."""

from __future__ import annotations

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.plan import Slot, Words
from layoutplan.report.registers import matches
from layoutplan.report.wording import slot_use


def one(unit: UnitName, words: Words, *, below: Words = (0, 0), swapped_rx: bool = False) -> tuple[list[str], Access]:
    slots = (Slot(index=0, words=below), Slot(index=1, words=words))
    ranges, access = matches(unit, slots, swapped_rx=swapped_rx)[1]
    return list(map(str, ranges)), access


@pytest.mark.parametrize(
    ("words", "ranges", "access"),
    [
        ((0x2000_0000, 0x0000_0000), [], Access.NONE),
        ((0x2000_0000, 0x1300_0009), ["[0x2000_0000, 0x2000_0020)"], Access.RW),
        ((0x0800_0100, 0x0600_000F), ["[0x0800_0100, 0x0800_0200)"], Access.RX),
        ((0x2000_0000, 0x1200_000F), ["[0x2000_0000, 0x2000_0100)"], Access.R),
        ((0x2000_0000, 0x1100_000F), ["[0x2000_0000, 0x2000_0100)"], Access.NONE),
        ((0x2000_0000, 0x1300_810F), ["[0x2000_0020, 0x2000_00e0)"], Access.RW),
        ((0x2000_0000, 0x1300_100F), ["[0x2000_0000, 0x2000_0080)", "[0x2000_00a0, 0x2000_0100)"], Access.RW),
        ((0x0000_0000, 0x1300_003F), ["[0x0000_0000, 0x1_0000_0000)"], Access.RW),
    ],
)
def test_pmsav7(words: Words, ranges: list[str], access: Access) -> None:
    assert one(UnitName.ARMV7M, words) == (ranges, access)


@pytest.mark.parametrize(
    ("words", "ranges", "access"),
    [
        ((0x2000_0003, 0x2000_00E0), [], Access.NONE),
        ((0x2000_0003, 0x2000_00E1), ["[0x2000_0000, 0x2000_0100)"], Access.RW),
        ((0x0800_0006, 0x0800_0001), ["[0x0800_0000, 0x0800_0020)"], Access.RX),
        ((0x2000_0001, 0x2000_0001), ["[0x2000_0000, 0x2000_0020)"], Access.NONE),
        ((0x2000_0103, 0x2000_0001), [], Access.NONE),
        ((0xFFFF_FFE3, 0xFFFF_FFE1), ["[0xffff_ffe0, 0x1_0000_0000)"], Access.RW),
    ],
)
def test_pmsav8(words: Words, ranges: list[str], access: Access) -> None:
    assert one(UnitName.ARMV8M, words) == (ranges, access)


@pytest.mark.parametrize(
    ("below", "words", "ranges", "access"),
    [
        ((0, 0), (0x0800_0000, 0x00), [], Access.NONE),
        ((0, 0), (0x0800_0000, 0x13), ["[0x2000_0000, 0x2000_0004)"], Access.RW),
        ((0, 0), (0x0800_0000, 0x1B), ["[0x2000_0000, 0x2000_0008)"], Access.RW),
        ((0, 0), (0x0800_0003, 0x1D), ["[0x2000_0000, 0x2000_0020)"], Access.RX),
        ((0x0800_0000, 0x00), (0x0800_0040, 0x0B), ["[0x2000_0000, 0x2000_0100)"], Access.RW),
        ((0x0800_0000, 0x1B), (0x0800_0040, 0x09), ["[0x2000_0000, 0x2000_0100)"], Access.R),
        ((0x0800_0040, 0x00), (0x0800_0040, 0x0B), [], Access.NONE),
        ((0, 0), (0xFFFF_FFFF, 0x1B), ["[0x0000_0000, 0x8_0000_0000)"], Access.RW),
    ],
)
def test_pmp(below: Words, words: Words, ranges: list[str], access: Access) -> None:
    assert one(UnitName.PMP, words, below=below) == (ranges, access)


def test_the_first_pmp_entrys_tor_starts_at_zero() -> None:
    [(ranges, _)] = matches(UnitName.PMP, (Slot(index=0, words=(0x40, 0x0C)),))
    assert ranges == (AddressRange(0, 0x100),)


def test_swapped_read_and_execute_are_read_swapped() -> None:
    assert one(UnitName.PMP, (0x0800_0000, 0x19), swapped_rx=True)[1] is Access.EXECUTE
    assert one(UnitName.PMP, (0x0800_0000, 0x1C), swapped_rx=True)[1] is Access.READ


def test_with_smepmp_a_locked_entry_gives_unprivileged_code_nothing() -> None:
    slots = (Slot(index=0, words=(0x0800_0003, 0x9B)), Slot(index=1, words=(0x0800_0007, 0x1B)))
    with_it, without = matches(UnitName.PMP, slots, smepmp=True), matches(UnitName.PMP, slots)
    assert [access for _, access in with_it] == [Access.NONE, Access.RW]
    assert [access for _, access in without] == [Access.RW, Access.RW]
    assert [ranges for ranges, _ in with_it] == [ranges for ranges, _ in without]


def test_the_kernels_own_slots_are_counted_and_named() -> None:
    slots = {"static": 3, "first_static": 0, "dynamic": 1, "first_dynamic": 3, "reserved": 0, "first_reserved": 4}
    owners = ["kernel code", "kernel code", "kernel data", "mix.data"]
    registers = [{"partition": partition, "owner": owner} for partition in ("gps", "mix") for owner in owners]
    counted = "1 dynamic from slot 3, 3 static from slot 0"
    assert slot_use({"slots": slots, "registers": []}) == counted
    own = "3 static are for the kernel alone (kernel code, kernel data)"
    assert slot_use({"slots": slots, "registers": registers}) == f"{counted}; {own}"


def test_without_a_unit_nothing_is_decoded() -> None:
    assert matches(UnitName.NONE, ()) == ()
