"""The table with Smepmp: what rustc says of it, and of every table whose words are wrong for M-mode or U-mode."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.plan import DISABLED, Plan, Region, Slot, SlotMap, Words
from layoutplan.render import render
from tests.render import builder
from tests.render.test_table import mutants_of, survivors
from tests.render.test_table import text as plain_text
from tests.render.test_table_refuses import edited, messages, said, without_digest

LOCK, TOR, RX, RW = 0x80, 0x08, 0b101, 0b011
STATIC, SLOTS = 5, 11


def planned() -> Plan:
    """The hand-made plan behind four entries of the kernel's and one without use."""
    plain = builder.plan(builder.on(UnitName.PMP))
    regions = []
    for owner, memory, rights in (("kernel code", builder.FLASH, RX), ("kernel data", builder.RAM, RW)):
        end = min(p.granted.base for p in plain.placements if p.granted.base in memory)
        words: tuple[Words, ...] = ((memory.base >> 2, LOCK), (end >> 2, LOCK | TOR | rights))
        range_ = AddressRange(memory.base, end)
        regions.append(Region(owner=owner, ranges=(range_,), access=Access.NONE, words=words))
    static = [Slot(index=i, words=w, static=True) for i, w in enumerate([w for r in regions for w in r.words])]
    static.append(Slot(index=4, words=DISABLED, static=True))
    return replace(
        plain,
        registers={
            name: (*static, *(replace(slot, index=STATIC + slot.index) for slot in slots if not slot.static))
            for name, slots in plain.registers.items()
        },
        slots=SlotMap(
            first_static=0,
            static=STATIC,
            first_dynamic=STATIC,
            dynamic=SLOTS - STATIC,
            first_reserved=SLOTS,
            reserved=0,
        ),
        background=tuple(regions),
    )


@functools.cache
def text() -> str:
    system = builder.on(UnitName.PMP)
    target = replace(system.target, slots=SLOTS, pmp=replace(system.target.pmp, smepmp=True))
    return render(replace(system, target=target), planned())["region_table.rs"]


def test_the_table_says_what_mseccfg_must_hold() -> None:
    assert "pub const MSECCFG: u32 = 0x0000_0003;" in text()
    plain = builder.on(UnitName.PMP)
    assert "pub const MSECCFG: u32 = 0x0000_0000;" in render(plain, builder.plan(plain))["region_table.rs"]


def test_the_words_the_grants_and_the_kernels_memory_check_each_other(tmp_path: Path) -> None:
    """Every seventh digit, for time; a stride of one was tried and has no survivor either."""
    table = without_digest(text())
    assert survivors({"unchanged": table}, tmp_path) == {"unchanged"}
    mutants = mutants_of(table, "pub static LP_STATIC", "pub static LP_TASKS", stride=7)
    assert len(mutants) > 60
    assert survivors(mutants, tmp_path) == set()


WRONG = {
    "an entry of the kernel's is not locked, so it is a partition's": ("0x0000_008d", "0x0000_000d"),
    "the kernel's rights are read, with write or execute, never both": ("0x0000_008d", "0x0000_008f"),
    "the kernel's entries and its memory differ": ("0x0000_008d", "0x0000_008b"),
    "an entry that is not the kernel's is locked": ("0x0000_0019", "0x0000_0099"),
    "a reserved bit of pmpcfg is set": ("0x0000_008d", "0x0000_00cd"),
    "dynamic entries follow the static ones": (
        "pub const FIRST_DYNAMIC_SLOT: usize = 5;",
        "pub const FIRST_DYNAMIC_SLOT: usize = 6;",
    ),
}


def test_each_assertion_that_only_smepmp_has_fires(tmp_path: Path) -> None:
    table = without_digest(text())
    heard = said({message: edited(table, edit) for message, edit in WRONG.items()}, tmp_path)
    assert [message for message in WRONG if not any(message in told for told in heard[message])] == [], heard
    assert messages(table) - messages(plain_text(UnitName.PMP)) == set(WRONG)


@pytest.mark.parametrize("config", [0x8C, 0x8A, 0x8E, 0x88], ids=["execute only", "L and W", "L, W and X", "nothing"])
def test_no_other_locked_rights_compile(config: int, tmp_path: Path) -> None:
    """L with W and without R is shared with U-mode (Smepmp 1.0, table 1)."""
    broken = edited(without_digest(text()), ("0x0000_008d", f"0x0000_00{config:02x}"))
    assert survivors({"broken": broken}, tmp_path) == set()
