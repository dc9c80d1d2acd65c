"""A real service processor's ten tasks, as a manifest on sizes, planned as objects are."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomli_w

from layoutplan.errors import ExitStatus
from layoutplan.pipeline import PlanRequest, plan
from tests.oracles.document import judge
from tests.toolchain import ROOT

DATA = tomllib.loads((ROOT / "tests" / "benchmarks" / "ten_tasks.toml").read_text())


def manifest() -> str:
    components = {}
    peripherals: dict[str, dict[str, int]] = {}
    for name, (flash, ram, devices) in DATA["tasks"].items():
        granted = [f"device{len(peripherals) + index}" for index in range(devices)]
        # Far apart, so that each takes a slot of its own, as the data counts them.
        peripherals |= {
            device: {"base": 0x5000_0000 + 0x100_0000 * (len(peripherals) + index), "size": 0x400}
            for index, device in enumerate(granted)
        }
        component = {"sizes": {"code": flash, "bss": ram}, "peripherals": granted}
        components[name.replace("_", "-")] = component
    return tomli_w.dumps(
        {
            "manifest-version": 1,
            "isolation": "mpu",
            "target": {"unit": DATA["target"]["unit"], "slots": DATA["target"]["slots"]},
            "memory": {
                "flash": {"origin": 0x800_0000, "length": "1M", "access": "rx"},
                "ram": {"origin": 0x2000_0000, "length": "256K", "access": "rw"},
            },
            "kernel": {
                "sizes": {"code": DATA["kernel"]["flash"], "bss": DATA["kernel"]["ram"]},
                "stack": 0,
                "reserved-slots": DATA["target"]["reserved-slots"],
            },
            "defaults": {"code": "private"},
            "peripheral": peripherals,
            "component": components,
        }
    )


def test_the_ten_tasks_are_planned_optimally_with_hardly_any_waste(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(manifest())
    result = plan(PlanRequest(manifest=tmp_path / "layout.toml", out=tmp_path / "out"))
    assert result.status is ExitStatus.YES, result.faults
    document = dict(result.document)
    judge(document, DATA["target"])
    assert document["objective"]["optimal"] is True
    assert document["proof"]["proved"] == document["proof"]["obligations"]
    used = {memory["name"]: memory["used"] for memory in document["memories"]}
    assert used == {"flash": 83_204, "ram": 23_072}
    waste = {m["name"]: (m["span"] - m["used"]) / m["span"] for m in document["memories"]}
    assert waste["flash"] <= 0.0020
    assert waste["ram"] <= 0.0065
