"""``LP_SOFTWARE``: bounds for compiled-in checks, alone and beside regions, and what rustc refuses in them."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.model.access import Isolation, UnitName
from layoutplan.model.plan import Plan, SoftwareBounds
from layoutplan.render import plan_hash, render
from tests.conftest import Golden
from tests.render import builder
from tests.render.test_table import CHECKS, mutants_of, survivors

BOUNDS = {
    "att": SoftwareBounds(base=0x2000_FE00, size=0x100, mask=0xFF),
    "gps": SoftwareBounds(base=0x2000_FC00, size=0x60, mask=0),
}
both = pytest.mark.parametrize("words", [frozenset(), frozenset({Isolation.MPU})], ids=["alone", "beside"])


@functools.cache
def text(words: frozenset[Isolation], **changes: SoftwareBounds) -> str:
    system = builder.system(isolation=words | {Isolation.SOFTWARE})
    plan = replace(builder.plan(builder.system(isolation=words)), isolation=system.isolation)
    return render(system, replace(plan, software={**BOUNDS, **changes}))["region_table.rs"]


@both
def test_every_partition_has_a_row(words: frozenset[Isolation]) -> None:
    start = "pub static LP_SOFTWARE: [[u32; 3]; SOFTWARE_BOUNDS] = [\n"
    rows = text(words).partition(start)[2].partition("];")[0]
    assert rows == (
        "    // att: [0x2000_fe00, 0x2000_ff00)\n    [0x2000_fe00, 0x0000_0100, 0x0000_00ff],\n"
        "    // gps: [0x2000_fc00, 0x2000_fc60)\n    [0x2000_fc00, 0x0000_0060, 0x0000_0000],\n"
        "    // mix: no linear memory\n    [0x0000_0000, 0x0000_0000, 0x0000_0000],\n"
    )


def test_the_table_alone(golden: Golden) -> None:
    golden("software-region_table.rs", text(frozenset()))


@both
def test_it_compiles_and_no_digit_of_it_may_change(words: frozenset[Isolation], tmp_path: Path) -> None:
    table = text(words)
    assert survivors({"unchanged": table}, tmp_path) == {"unchanged"}
    mutants = mutants_of(table, "pub static LP_SOFTWARE", "pub static LP_TASKS")
    assert len(mutants) == 3 * 3 * 8
    assert survivors(mutants, tmp_path) == set()
    assert table.index("pub static LP_SOFTWARE") < table.index(CHECKS)


@pytest.mark.parametrize(
    "bounds",
    [
        SoftwareBounds(base=0x2000_FC00, size=0x60, mask=0x5F),
        SoftwareBounds(base=0x2000_FC00, size=0x40, mask=0x1F),
        SoftwareBounds(base=0x2000_FC02, size=0x40, mask=0),
        SoftwareBounds(base=0xFFFF_FFF0, size=0x20, mask=0),
        SoftwareBounds(base=0x2000_FEF0, size=0x40, mask=0),
    ],
)
def test_bounds_that_bound_nothing_do_not_compile(bounds: SoftwareBounds, tmp_path: Path) -> None:
    """The digest agrees with these: they were rendered so."""
    assert survivors({"wrong": text(frozenset(), gps=bounds)}, tmp_path) == set()


def hashed(plan: Plan) -> int:
    return plan_hash(builder.system(), plan)


def test_the_bounds_are_part_of_the_hash_where_there_are_any() -> None:
    plan = builder.plan()
    moved = {**BOUNDS, "gps": replace(BOUNDS["gps"], mask=0x3F)}
    assert len({hashed(plan), hashed(replace(plan, software=BOUNDS)), hashed(replace(plan, software=moved))}) == 3


@pytest.mark.parametrize("style", ["standalone", "cortex-m-rt"])
def test_the_script_keeps_the_table_without_regions(style: str) -> None:
    system = builder.system(isolation=frozenset({Isolation.SOFTWARE}))
    plan = replace(builder.plan(builder.system(isolation=frozenset())), isolation=system.isolation, software=BOUNDS)
    assert plan.unit is UnitName.NONE
    files = render(system, plan, link_style=style)  # type: ignore[arg-type] # one of the three
    script = files.get("layout.ld", files.get("memory.x", ""))
    assert "KEEP(*(.lp.region_table))" in script
    assert "DEFINED(__lp_plan_" in script
