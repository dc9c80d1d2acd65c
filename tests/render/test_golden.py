"""The generated files as a person reads them, for the hand-made plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layoutplan.model.access import Machine, UnitName
from layoutplan.render import lock_text, render
from tests.conftest import Golden
from tests.render import builder
from tests.render.test_gale import accepting


@pytest.mark.parametrize("unit", [UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP])
def test_script_and_table(unit: UnitName, golden: Golden) -> None:
    system = builder.on(unit)
    for name, text in render(system, builder.plan(system)).items():
        golden(f"{unit}-{name}", text)


def test_script_and_table_without_isolation(golden: Golden) -> None:
    system = builder.system(isolation=frozenset())
    for name, text in render(system, builder.plan(system)).items():
        golden(f"none-{name}", text)


@pytest.mark.parametrize("style", ["cortex-m-rt", "riscv-rt"])
def test_beside_a_runtime_crate(style: str, golden: Golden) -> None:
    system = builder.system(isolation=frozenset())
    if style == "riscv-rt":
        system = replace(system, target=replace(system.target, machine=Machine.RISCV))
    golden(f"{style}-memory.x", render(system, builder.plan(system), link_style=style)["memory.x"])  # type: ignore[arg-type] # one of the two


def test_gale(golden: Golden) -> None:
    system = accepting(builder.system())
    golden("gale_table.rs", render(system, builder.plan(system), table="gale")["gale_table.rs"])


def test_lock(golden: Golden) -> None:
    golden("layout.lock", lock_text(builder.plan()))
