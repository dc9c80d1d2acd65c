"""What the table says no to: each of its `const` assertions is shown to fire, on every unit, by its own message."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from layoutplan.model.access import UnitName
from tests.render.test_software import text as with_bounds
from tests.render.test_table import CHECKS, UNITS, compile_library, text

Edits = dict[str, tuple[str, str]]

GRANTS: Edits = {
    "a grant to no partition": ("[0x0000_0002, 0x2000_ff80, 0x2001_0000,", "[0x0000_0007, 0x2000_ff80, 0x2001_0000,"),
    "grants are not in order": ("[0x0000_0000, 0x0003_ff60,", "[0x0000_0001, 0x0003_ff60,"),
    "a grant that is empty": ("0x0003_ff60, 0x0003_ff80, 0x0000_0001]", "0x0003_ff80, 0x0003_ff80, 0x0000_0001]"),
    "rights are read, with write or execute, never both": (
        "0x2000_ff80, 0x2001_0000, 0x0000_0003]",
        "0x2000_ff80, 0x2001_0000, 0x0000_0007]",
    ),
    "two grants overlap": ("0x2000_fe00, 0x2000_ff80, 0x0000_0003]", "0x2000_fe00, 0x2000_ffa0, 0x0000_0003]"),
    "one partition may write what another may execute": (
        "0x2000_fb80, 0x2000_fbc0, 0x0000_0001]",
        "0x2000_fb80, 0x2000_fbc0, 0x0000_0005]",
    ),
    "a stack that is empty": ("[0x2000_fe00, 0x2000_ff00, 0x", "[0x2000_ff00, 0x2000_ff00, 0x"),
    "a stack is not aligned": ("[0x2000_fe00, 0x2000_ff00, 0x", "[0x2000_fe00, 0x2000_fefc, 0x"),
    "a task in no partition": ("[0x2000_fe00, 0x2000_ff00, 0x0000_0000]", "[0x2000_fe00, 0x2000_ff00, 0x0000_0009]"),
    "a stack outside its partition's own memory": (
        "[0x2000_fe00, 0x2000_ff00, 0x0000_0000]",
        "[0x2000_fe00, 0x2000_ff00, 0x0000_0001]",
    ),
}
WIDER = ("0x4000_4000, 0x4000_4400, 0x0000_0003]", "0x4000_4000, 0x4000_4800, 0x0000_0003]")
REGISTERS: dict[UnitName, Edits] = {
    UnitName.ARMV7M: {
        "the registers of a partition and its grants differ": WIDER,
        "RBAR selects another slot": ("[0x0003_ff72, 0x1602_0009]", "[0x0003_ff73, 0x1602_0009]"),
        "an unused slot is not zero": ("[0x0000_0016, 0x0000_0000]", "[0x0000_0116, 0x0000_0000]"),
        "a reserved bit of RASR is set": ("0x1602_0009]", "0x3602_0009]"),
        "a region of a size that the unit has not": ("0x1602_0009]", "0x1602_0007]"),
        "a region is not aligned to its size": ("[0x0003_fe92, 0x0602_000d]", "[0x0003_feb2, 0x0602_000d]"),
        "SRD below 256 bytes is UNPREDICTABLE": ("[0x0003_ff93, 0x0602_000d]", "[0x0003_ff93, 0x0602_010d]"),
        "a region is writable and executable": ("0x1307_c011]", "0x0307_c011]"),
        "a region has another memory's attributes": ("0x1602_0009]", "0x1607_0009]"),
        "AP is neither read-only nor read-write for all, nor closed": ("0x1602_0009]", "0x1202_0009]"),
    },
    UnitName.ARMV8M: {
        "the registers of a partition and its grants differ": WIDER,
        "AP is neither read-only nor read-write for all": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff65, 0x0003_ff63]"),
        "an unused slot is not zero": ("[0x0000_0000, 0x0000_0000]", "[0x0000_0020, 0x0000_0000]"),
        "PXN is reserved before Armv8.1-M": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff67, 0x0003_ff73]"),
        "SH is reserved": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff6f, 0x0003_ff63]"),
        "a region ends before it starts": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff67, 0x0003_ff43]"),
        "a region is writable and executable": ("[0x2000_fe13, 0x2000_ff61]", "[0x2000_fe12, 0x2000_ff61]"),
        "a region has another memory's attributes": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff67, 0x0003_ff61]"),
        "two regions of one partition overlap": ("[0x0003_ff67, 0x0003_ff63]", "[0x0003_ff67, 0x0003_ff83]"),
    },
    UnitName.PMP: {
        "the entries of a partition and its grants differ": WIDER,
        "a reserved bit of pmpcfg or its lock is set": ("[0x0000_ffdb, 0x0000_0019]", "[0x0000_ffdb, 0x0000_0099]"),
        "an entry that is off grants rights": ("[0x0800_3f80, 0x0000_0000]", "[0x0800_3f80, 0x0000_0001]"),
        "an unused entry is not zero": (
            "off\n        [0x0000_0000, 0x0000_0000],\n    ],\n    // gps",
            "off\n        [0x0000_0001, 0x0000_0000],\n    ],\n    // gps",
        ),
        "an entry matches nothing": ("[0x0800_3fe0, 0x0000_000b]", "[0x0800_3f80, 0x0000_000b]"),
        "an entry is not on the grain": ("const GRAIN: u64 = 4;", "const GRAIN: u64 = 64;"),
        "rights are read, with write or execute, never both": (
            "[0x0800_3ee7, 0x0000_0019]",
            "[0x0800_3ee7, 0x0000_001f]",
        ),
        "a configuration register and its entries differ": ("[0x0019_1d19, 0x0000_000b]", "[0x001b_1d19, 0x0000_000b]"),
        "static entries follow the dynamic ones": (
            "pub const FIRST_STATIC_SLOT: usize = 6;",
            "pub const FIRST_STATIC_SLOT: usize = 7;",
        ),
        "a dynamic entry's configuration is never written": (
            "pub const DYNAMIC_CFGS: usize = 2;",
            "pub const DYNAMIC_CFGS: usize = 1;",
        ),
    },
}
DIGEST = "region_table.rs was edited: run `layoutplan solve` again"
CONSTANTS = re.compile(r"^const _: \(\) = assert!\((\w+(?:\[\d\])?) == (\d+|0x[0-9a-f_]+)", re.MULTILINE)


def messages(table: str) -> set[str]:
    """What the assertions and panics of a table say."""
    checks = table[table.index(CHECKS) :]
    return set(re.findall(r'"([^"\n]{8,})"\s*\)?[;,]?\s*(?:\n|\))', checks)) - {""}


def without_digest(table: str) -> str:
    """What is left when somebody makes a wrong table consistently."""
    start = table.index("    assert!(\n        state ==", table.index(CHECKS))
    end = table.index("};\nconst _: () = ", start)
    return table[:start] + "    let _ = state;\n" + table[end:]


def said(tables: dict[str, str], folder: Path) -> dict[str, set[str]]:
    """What rustc says of each table."""
    for number, source in enumerate(tables.values()):
        source = re.sub(r"#\[unsafe\((no_mangle|export_name).*\)\]\n", "", source)
        (folder / f"m{number}.rs").write_text(source)
    root = "\n".join(["#![no_std]", *(f"pub mod m{number};" for number in range(len(tables)))])
    result = compile_library(root, folder, "--error-format=short", "--cap-lints=allow")
    names, heard = list(tables), defaultdict(set)
    for number, message in re.findall(
        r"m(\d+)\.rs:\d+:\d+: error.*?: (?:evaluation panicked: )?(.*)$", result.stderr, re.M
    ):
        heard[names[int(number)]].add(message)
    return heard


def edited(table: str, edit: tuple[str, str]) -> str:
    assert edit[0] in table, edit
    return table.replace(edit[0], edit[1], 1)


@pytest.mark.parametrize("unit", UNITS)
def test_each_assertion_fires(unit: UnitName, tmp_path: Path) -> None:
    table = without_digest(text(unit))
    edits = {f"grant: {message}": edit for message, edit in GRANTS.items()}
    edits |= {f"word: {message}": edit for message, edit in REGISTERS[unit].items()}
    heard = said({name: edited(table, edit) for name, edit in edits.items()}, tmp_path)
    silent = [name for name in edits if not any(name.partition(": ")[2] in message for message in heard[name])]
    assert silent == [], {name: heard[name] for name in silent}
    assert messages(table) == {*GRANTS, *REGISTERS[unit]}


@pytest.mark.parametrize("unit", [*UNITS, UnitName.NONE])
def test_each_constant_is_asserted(unit: UnitName, tmp_path: Path) -> None:
    """And the digest, which the table has with what it says."""
    table = text(unit)
    asserted = CONSTANTS.findall(table)
    assert len(asserted) > 5
    tables = {}
    for name, value in asserted:
        changed = f"{int(value, 0) + 1}"
        tables[name] = table.replace(f"assert!({name} == {value}", f"assert!({name} == {changed}", 1)
    tables["digest"] = edited(table, ("pub static LP_HASH: u64 = 0x", "pub static LP_HASH: u64 = 1 + 0x"))
    heard = said(tables, tmp_path)
    assert set(heard) == set(tables)
    assert any(DIGEST in message for message in heard["digest"])


def test_each_assertion_about_bounds_fires(tmp_path: Path) -> None:
    row = "[0x2000_fc00, 0x0000_0060, 0x0000_0000]"
    wrong = {
        "a linear memory begins at a word: its accesses are aligned from there": "[0x2000_fc02, 0x40, 0]",
        "a linear memory ends inside the address space": "[0xffff_fff0, 0x20, 0]",
        "without a linear memory there is nothing to bound": "[0x2000_fc00, 0, 0]",
        "a mask keeps an access inside a power of two": "[0x2000_fc00, 0x40, 0x1f]",
        "two partitions have one linear memory": "[0x2000_fef0, 0x40, 0]",
    }
    table = without_digest(with_bounds(frozenset()))
    heard = said({message: edited(table, (row, words)) for message, words in wrong.items()}, tmp_path)
    assert [message for message in wrong if not any(message in told for told in heard[message])] == []
    assert messages(table) == set(wrong)
