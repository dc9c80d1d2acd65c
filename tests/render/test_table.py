"""``region_table.rs``: what rustc and the Rust tools say of it, and of every table with one digit changed."""

from __future__ import annotations

import functools
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.model.access import UnitName
from layoutplan.model.memory import FixedEntry, PmpTraits
from layoutplan.model.plan import Slot
from layoutplan.render import plan_hash, render
from tests.render import builder
from tests.render.image import read
from tests.render.objects import LINKERS, assemble, component_source, kernel_source, link
from tests.toolchain import rustc, rustc_for, tool

CHECKS = "// Checks at compile time"
NUMBER = re.compile(r"0x[0-9a-f_]+|\b\d+\b")


UNITS = (UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP)
every_unit = pytest.mark.parametrize("unit", [*UNITS, UnitName.NONE])


@functools.cache
def text(unit: UnitName = UnitName.ARMV7M, static: int = 2) -> str:
    system = builder.system(isolation=frozenset()) if unit is UnitName.NONE else builder.on(unit)
    return render(system, builder.plan(system, static=static))["region_table.rs"]


def compile_library(source: str, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Compile for the host, without generating code: the checks run in any case."""
    root = folder / "lib.rs"
    root.write_text(source)
    command = [rustc(), "--edition", "2024", "--crate-type", "lib", "--emit=metadata", "-o", str(folder / "lib.rmeta")]
    return subprocess.run([*command, *flags, str(root)], capture_output=True, text=True, check=False)


@every_unit
def test_the_table_compiles_without_a_warning_wherever_it_is_included(unit: UnitName, tmp_path: Path) -> None:
    (tmp_path / "region_table.rs").write_text(text(unit))
    source = '#![no_std]\n#![deny(warnings)]\nmod table {\n    include!("region_table.rs");\n}\n'
    result = compile_library(source, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("static", [2, 0])
@every_unit
def test_rustfmt_and_clippy_have_nothing_to_say(unit: UnitName, static: int, tmp_path: Path) -> None:
    table = tmp_path / "region_table.rs"
    table.write_text(text(unit, static))
    command = [tool("rustfmt", "rustfmt"), "--check", "--edition", "2024", str(table)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    (tmp_path / "lib.rs").write_text('#![no_std]\ninclude!("region_table.rs");\n')
    command = [tool("clippy-driver", "rust-clippy"), "--edition", "2024", "--crate-type", "lib", "--emit=metadata"]
    command += ["-Dwarnings", "-Dclippy::all", "-o", str(tmp_path / "lib.rmeta"), str(tmp_path / "lib.rs")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def mutants_of(table: str, start: str, end: str, stride: int = 1) -> dict[str, str]:
    """Every ``stride``-th table in which one digit of a number between two marks is the next one of its base."""
    low, high = table.index(start), table.index(end)
    mutants = {}
    at = 0
    for line in table.splitlines(keepends=True):
        # Comments, attributes and types are not numbers of the plan.
        code = line.partition("=")[2] if "pub " in line else line
        if low <= at < high and not line.lstrip().startswith(("//", "#[")) and "fn lp_entry" not in line:
            first = at + len(line) - len(code)
            for match in NUMBER.finditer(code):
                base, skipped = (16, 2) if match[0].startswith("0x") else (10, 0)
                for index in range(first + match.start() + skipped, first + match.end()):
                    if table[index] != "_":
                        digit = f"{(int(table[index], 16) + 1) % base:x}"
                        mutants[f"{index}: {line.strip()}"] = table[:index] + digit + table[index + 1 :]
        at += len(line)
    return dict(list(mutants.items())[::stride])


def survivors(mutants: dict[str, str], folder: Path) -> set[str]:
    """The mutants that compile, each a module of one crate, so that a few runs of rustc do for all of them."""
    files = {}
    for number, (name, source) in enumerate(mutants.items()):
        # The modules would define each symbol again and again; what is tested does not depend on the names.
        source = re.sub(r"#\[unsafe\((no_mangle|export_name).*\)\]\n", "", source)
        (folder / f"m{number}.rs").write_text(source)
        files[f"m{number}.rs"] = name
    while files:
        root = "\n".join(["#![no_std]", *(f"pub mod {Path(file).stem};" for file in files)])
        result = compile_library(root, folder, "--error-format=short", "--cap-lints=allow")
        refused = {Path(name).name for name in re.findall(r"^(\S+\.rs):\d+:\d+: error", result.stderr, re.MULTILINE)}
        # A type error hides what constant evaluation would have found elsewhere: ask again without the refused.
        remaining = {file: name for file, name in files.items() if file not in refused}
        if len(remaining) == len(files):
            break
        files = remaining
    return set(files.values())


def test_the_table_itself_survives(tmp_path: Path) -> None:
    assert survivors({"unchanged": text()}, tmp_path) == {"unchanged"}


@every_unit
def test_no_table_with_one_digit_changed_compiles(unit: UnitName, tmp_path: Path) -> None:
    """Of words and grants a few here: the next test has them all, without the digest."""
    table = text(unit)
    mutants = mutants_of(table, "pub const PARTITIONS", "pub static LP_STATIC")
    if unit in (UnitName.ARMV7M, UnitName.NONE):  # the others differ above only
        mutants |= mutants_of(table, "pub static LP_STATIC", "pub static LP_TASKS", stride=61)
        mutants |= mutants_of(table, "pub static LP_TASKS", CHECKS, stride=1 if unit is UnitName.NONE else 3)
    assert len(mutants) > 25
    assert survivors(mutants, tmp_path) == set()


@pytest.mark.parametrize("unit", UNITS)
def test_the_words_and_the_grants_check_each_other_without_the_digest(unit: UnitName, tmp_path: Path) -> None:
    """The digest says that a number changed; this says that a consistently made wrong table does not pass either.

    Every ninth digit, for time; a stride of one was tried and has no survivor either.
    """
    table = text(unit)
    start, end = (
        table.index("    assert!(\n        state ==", table.index(CHECKS)),
        table.index("};\nconst _: () = assert!"),
    )
    without = table[:start] + "    let _ = state;\n" + table[end:]
    assert survivors({"unchanged": without}, tmp_path) == {"unchanged"}
    mutants = mutants_of(without, "pub static LP_STATIC", "pub static LP_TASKS", stride=9)
    assert len(mutants) > 60
    assert survivors(mutants, tmp_path) == set()


def test_a_chip_that_swaps_rights_and_has_fixed_entries(tmp_path: Path) -> None:
    """As on RP2350: R and X in each other's place, and an entry behind ours that cannot be written."""
    system = builder.on(UnitName.PMP)
    pmp = PmpTraits(swapped_rx=True, fixed=(FixedEntry(index=8, address=0, config=0x18, hardwired=True),))
    chip = replace(system, target=replace(system.target, pmp=pmp, slots=9))
    plan = builder.plan(chip)
    swap = {0x1: 0x4, 0x3: 0x6, 0x5: 0x5, 0x0: 0x0}
    registers = {
        name: (
            *(replace(slot, words=(slot.words[0], slot.words[1] & ~7 | swap[slot.words[1] & 7])) for slot in slots),
            Slot(index=8, words=(0, 0x18), static=True),
        )
        for name, slots in plan.registers.items()
    }
    table = render(chip, replace(plan, registers=registers))["region_table.rs"]
    assert survivors({"swapped": table}, tmp_path) == {"swapped"}
    assert survivors({"not swapped": render(chip, plan)["region_table.rs"]}, tmp_path) == set()


def test_armv6m_has_no_region_below_256_bytes(tmp_path: Path) -> None:
    system = builder.on(UnitName.ARMV6M)
    result = compile_library("#![no_std]\n" + render(system, builder.plan(system))["region_table.rs"], tmp_path)
    assert "a region of a size that the unit has not" in result.stderr


@pytest.mark.parametrize("linker", LINKERS)
def test_the_linked_table_holds_the_planned_words(linker: str, tmp_path: Path) -> None:
    system = builder.system()
    plan = builder.plan(system)
    files = render(system, plan)
    (tmp_path / "layout.ld").write_text(files["layout.ld"])
    (tmp_path / "region_table.rs").write_text(files["region_table.rs"])
    (tmp_path / "lib.rs").write_text('#![no_std]\ninclude!("region_table.rs");\n')
    command = [*rustc_for(), "--edition", "2024", "--crate-type", "lib", "--emit=obj", "-Cpanic=abort"]
    subprocess.run([*command, "-o", str(tmp_path / "table.o"), str(tmp_path / "lib.rs")], check=True)
    objects = [tmp_path / "table.o", assemble(str(kernel_source(system, plan, table=0)), tmp_path / "kernel.o")]
    objects += [assemble(component_source(part), tmp_path / f"{part.name}.o") for part in system.components]
    result = link(linker, tmp_path / "layout.ld", objects, tmp_path / "firmware.elf", "--orphan-handling=error")
    assert result.returncode == 0, result.stderr
    image = read(tmp_path / "firmware.elf")
    section = image.sections[".lp.region_table"]
    assert "W" not in section.flags
    assert section.address in builder.FLASH
    dynamic = image.words(image.symbols["LP_DYNAMIC"], image.symbols["LP_DYNAMIC"] + 3 * 6 * 8)
    expected = [
        word
        for name in sorted(plan.registers)
        for slot in plan.registers[name][2:]
        for word in (slot.words[0] | 0x10 | slot.index, slot.words[1])
    ]
    assert list(dynamic) == expected
    entries = image.words(image.symbols["LP_ENTRIES"], image.symbols["LP_ENTRIES"] + 12)
    assert [entry & ~1 for entry in entries] == [0x0003_FF80, 0x0003_FE80, 0x0003_FFC0]
    assert all(entry & 1 for entry in entries), "without the Thumb bit a jump faults"
    number = image.words(image.symbols["LP_HASH"], image.symbols["LP_HASH"] + 8)
    assert number[0] | number[1] << 32 == plan_hash(system, plan)
    assert [image.words(image.symbols["LP_TASKS"], image.symbols["LP_TASKS"] + 12)] == [(0x2000_FE00, 0x2000_FF00, 0)]
    assert image.words(image.symbols["LP_INTERRUPTS"], image.symbols["LP_INTERRUPTS"] + 8) == (5, 1)


def test_an_unused_table_costs_nothing_without_isolation(tmp_path: Path) -> None:
    sections = []
    for name, include in (("with", 'mod table {\n    include!("region_table.rs");\n}\n'), ("without", "")):
        (tmp_path / "region_table.rs").write_text(text(UnitName.NONE))
        source = f'#![no_std]\n{include}#[unsafe(no_mangle)]\npub extern "C" fn run() {{}}\n'
        (tmp_path / f"{name}.rs").write_text(source)
        command = [*rustc_for(), "--edition", "2024", "--crate-type", "lib", "--emit=obj", "-Copt-level=1"]
        subprocess.run([*command, "-o", str(tmp_path / f"{name}.o"), str(tmp_path / f"{name}.rs")], check=True)
        listing = subprocess.run(
            [tool("readelf", "binutils"), "-SW", str(tmp_path / f"{name}.o")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        sections.append(re.findall(r"\] (\S+) +(?:PROGBITS|NOBITS) +\S+ \S+ (\S+) \S+ +[A-Z]*A", listing))
    assert sections[0]
    assert sections[0] == sections[1]
