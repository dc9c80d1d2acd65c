"""Manifests that a search for contradictions found: each was answered wrongly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.errors import BadInput, ExitStatus
from layoutplan.pipeline import PlanRequest, PlanResult, plan

MEMORIES = """
[memory.flash]
origin = 0
length = "8K"
access = "rx"
[memory.ram]
origin = 0x2000_0000
length = "64K"
access = "rw"
"""


def solve(folder: Path, text: str) -> PlanResult:
    (folder / "layout.toml").write_text('manifest-version = 1\nisolation = "mpu"\n' + text)
    return plan(PlanRequest(manifest=folder / "layout.toml", out=folder / "out"))


def test_slots_that_close_the_chips_own_entries_are_not_the_partitions(tmp_path: Path) -> None:
    result = solve(
        tmp_path,
        """
        [target]
        chip = "rp2350-riscv"
        [component.a]
        sizes = { code = 100, bss = 100 }
        trust = "untrusted"
        [partition.a]
        slots = 2
        """,
    )
    assert (result.status, result.faults) == (ExitStatus.YES, ())


@pytest.mark.parametrize("unit", ["armv7m", "armv8m", "pmp"])
def test_a_partition_of_nothing_is_refused(tmp_path: Path, unit: str) -> None:
    manifest = f'[target]\nunit = "{unit}"\n{MEMORIES}[component.a]\nsizes = {{ bss = 0 }}\n'
    with pytest.raises(BadInput) as refused:
        solve(tmp_path, manifest)
    assert [str(fault) for fault in refused.value.faults] == [
        "error[empty-partition]: partition `a` asks for no byte of any memory, and has no peripheral\n"
        "  at layout.toml:14: component.a\n"
        "hint: give its component objects with contents, or `sizes` above zero, or leave it out"
    ]
    assert solve(tmp_path, manifest.replace("bss = 0", "bss = 1")).status is ExitStatus.YES


def test_a_partition_of_a_peripheral_alone_is_planned(tmp_path: Path) -> None:
    device = "[peripheral.p]\nbase = 0x4000_0000\nsize = 32\n"
    manifest = f'[target]\nunit = "armv7m"\n{MEMORIES}{device}[component.a]\nsizes = {{ bss = 0 }}\n'
    assert solve(tmp_path, manifest + 'peripherals = ["p"]\n').status is ExitStatus.YES
