"""One region for several devices of a partition: the table's own checks have to know all of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from layoutplan.pipeline import PlanRequest, plan
from tests.toolchain import rustc

MANIFEST = """\
manifest-version = 1
isolation = "mpu"

[target]
chip = "mps2-an385"

[component.driver]
sizes = { code = 1000, bss = 300 }
trust = "untrusted"
peripherals = ["timer0", "uart0"]

[component.app]
sizes = { code = 1000, bss = 300 }
"""


def test_the_table_compiles_and_names_both_devices_beside_the_slot(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(MANIFEST)
    document = plan(PlanRequest(manifest=tmp_path / "layout.toml", out=tmp_path / "out")).document
    shared = [entry["owner"] for entry in document["registers"] if "," in (entry["owner"] or "")]
    assert shared == ["timer0, uart0"], "the case is gone: both devices no longer fit one region"
    assert [entry["slots"] for entry in document["peripherals"]] == [1, 1]
    table = (tmp_path / "out" / "region_table.rs").read_text()
    assert "timer0 [0x4000_0000, 0x4000_1000), uart0 [0x4000_4000, 0x4000_5000)" in table
    (tmp_path / "table.rs").write_text("#![no_std]\n" + table)
    command = [rustc(), "--edition", "2024", "--crate-type", "lib", "--emit=metadata", "-o", "t.rmeta", "table.rs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
