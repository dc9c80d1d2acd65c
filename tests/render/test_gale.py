"""The table for gale's ``mpu_switch``: what it holds, what it says that it does not keep apart, when it is refused."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.render import render
from layoutplan.render.gale import powers_of_two
from tests.render import builder
from tests.toolchain import rustc

MODEL = """#![no_std]
pub struct RegionTable {
    pub base: [u32; 32],
    pub size: [u32; 32],
    pub enabled: [bool; 32],
    pub writable: [bool; 32],
}
"""


def accepting(system: System) -> System:
    """The same, with the written opt-in."""
    components = tuple(replace(component, accept=frozenset({"gale-wx"})) for component in system.components)
    return replace(system, components=components)


def rendered() -> str:
    system = accepting(builder.system())
    return render(system, builder.plan(system), table="gale")["gale_table.rs"]


def compiles(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "lib.rs").write_text(MODEL + source)
    command = [rustc(), "--edition", "2024", "--crate-type", "lib", "--emit=metadata", "-Dwarnings"]
    return subprocess.run(
        [*command, "-o", str(folder / "lib.rmeta"), str(folder / "lib.rs")], capture_output=True, text=True, check=False
    )


def test_the_table_compiles_and_holds_the_plan(tmp_path: Path) -> None:
    text = rendered()
    result = compiles(text, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    columns = {
        name: re.findall(r"^        (0x[0-9a-f_]+|true|false),", body, re.MULTILINE)
        for name, body in re.findall(r"^    (\w+): \[\n(.*?)^    \],", text, re.MULTILINE | re.DOTALL)
    }
    assert {name: len(values) for name, values in columns.items()} == dict.fromkeys(
        ("base", "size", "enabled", "writable"), 32
    )
    rows = [
        (int(base, 16), int(size, 16), writable == "true")
        for base, size, enabled, writable in zip(*columns.values(), strict=True)
        if enabled == "true"
    ]
    kernel = [(0, 0x2_0000, False), (0x2000_0000, 0x8000, True)]
    attitude = [(0x3_FF60, 32, False), (0x3_FF80, 128, False), (0x2000_FB80, 64, False)]
    attitude += [(0x2000_FE00, 256, True), (0x2000_FF00, 128, True)]
    assert rows[:7] == kernel + attitude
    assert columns["enabled"][7] == columns["enabled"][31] == "false"


def test_the_kernel_may_not_outgrow_its_regions() -> None:
    system = accepting(builder.system())
    script = render(system, builder.plan(system), table="gale")["layout.ld"]
    assert "ASSERT(__lp_kernel_flash_end <= 0x00020000," in script
    assert "ASSERT(__lp_kernel_ram_end <= 0x20008000," in script


def test_every_excess_is_listed() -> None:
    listed = [line for line in rendered().splitlines() if line.startswith("//   gps: ")]
    assert listed == [
        "//   gps: kernel code [0x0000_0000, 0x0002_0000): unprivileged code reaches it",
        "//   gps: kernel data [0x2000_0000, 0x2000_8000): unprivileged code reaches it and may execute it",
        "//   gps: shared:ring [0x2000_fb80, 0x2000_fbc0): executable",
        "//   gps: gps.data [0x2000_fc00, 0x2000_fd00): executable",
        "//   gps: gps.data [0x2000_fd00, 0x2000_fd40): executable",
        "//   gps: uart1 [0x4000_4000, 0x4000_4400): executable",
    ]


def test_no_table_with_one_number_changed_compiles(tmp_path: Path) -> None:
    text = rendered()
    start, end = text.index("LP_GALE_TABLE"), text.index("const fn check_slot")
    tried = 0
    for match in list(re.finditer(r"0x[0-9a-f_]+|true|false", text[start:end]))[::9]:
        word = match[0]
        other = {"true": "false", "false": "true"}.get(word) or word[:-1] + f"{int(word[-1], 16) ^ 8:x}"
        mutant = text[: start + match.start()] + other + text[start + match.end() :]
        assert compiles(mutant, tmp_path).returncode == 1, (word, other)
        tried += 1
    assert tried > 15


def refused(system: System) -> str:
    with pytest.raises(BadInput) as caught:
        render(system, builder.plan(system), table="gale")
    return str(caught.value)


def test_it_needs_a_written_opt_in_for_every_component() -> None:
    assert refused(builder.system()).count("error[gale-wx]: ") == 3
    assert (
        "error[gale-wx]: `gps` could execute its data and reach the kernel's memory under gale's table\n"
        "  at layout.toml: component.gps\n"
        'hint: accept = ["gale-wx"] where containing faults is enough; the default table isolates'
    ) in refused(builder.system())


def test_it_is_for_eight_slots_of_armv7m() -> None:
    assert "error[gale-target]: --table gale is for armv7m with 8 slots, and this is armv8m with 8" in refused(
        accepting(builder.on(UnitName.ARMV8M))
    )


def test_more_regions_than_there_are_slots_are_counted() -> None:
    system = accepting(builder.system())
    wide = tuple(
        replace(sketch, base=0x2000_F020, granted=0x7C0) if sketch.name == "gps.data" else sketch
        for sketch in builder.BLOCKS
    )
    plan = builder.plan(system)
    placed = tuple(builder.placement(sketch) for sketch in wide)
    with pytest.raises(BadInput) as caught:
        render(system, replace(plan, placements=placed), table="gale")
    assert (
        "error[gale-regions]: partition `gps` needs 15 power-of-two regions, the kernel's two included, of 8\n"
        "  at layout.toml: partition.gps\n"
        "hint: pin its blocks to powers of two, or use the default table, whose regions have subregions"
    ) in str(caught.value)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(base=st.integers(0, 1 << 12), size=st.integers(1, 1 << 12))
def test_powers_of_two_are_exactly_the_range(base: int, size: int) -> None:
    whole = AddressRange.of(32 * base, 32 * size)
    pieces = tuple(powers_of_two(whole))
    assert pieces[0].base == whole.base
    assert pieces[-1].end == whole.end
    assert all(left.end == right.base for left, right in itertools.pairwise(pieces))
    assert all(piece.size & piece.size - 1 == 0 and piece.base % piece.size == 0 for piece in pieces)
