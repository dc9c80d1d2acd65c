"""The law: any manifest gets a plan that an independent decoder accepts, or a refusal. Never anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from layoutplan.errors import BadInput, ExitStatus
from layoutplan.pipeline import PlanRequest, PlanResult, plan
from tests.oracles.document import judge
from tests.pipeline.manifests import TARGETS, manifests, shuffled, text

LAWS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    # Every example is a whole run: shrinking one would take longer than the suite may.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def solve(folder: Path, manifest: dict[str, Any]) -> PlanResult | BadInput:
    folder.mkdir(exist_ok=True)
    for old in folder.rglob("*"):
        if old.is_file():
            old.unlink()
    path = folder / "layout.toml"
    path.write_text(text(manifest))
    try:
        return plan(PlanRequest(manifest=path, out=folder / "out"))
    except BadInput as refusal:
        return refusal


@pytest.mark.parametrize("unit", TARGETS)
def test_a_plan_that_an_independent_decoder_accepts_or_a_refusal(unit: str, tmp_path: Path) -> None:
    judged = 0

    @LAWS
    @given(manifest=manifests(units=(unit,)))
    def law(manifest: dict[str, Any]) -> None:
        nonlocal judged
        judged += _plan_or_refusal(tmp_path, manifest)

    law()
    assert judged >= 3, "nearly every manifest was refused"


def _plan_or_refusal(tmp_path: Path, manifest: dict[str, Any]) -> bool:
    """Whether there was a plan of registers to judge."""
    result = solve(tmp_path, manifest)
    if isinstance(result, BadInput):
        assert all(fault.message and fault.where for fault in result.faults), result.faults
        assert not (tmp_path / "out" / "plan.json").exists()
        return False
    assert result.status is not ExitStatus.OUR_BUG, result.faults
    assert not [fault for fault in result.faults if fault.code.startswith("check-")], "a plan that its checker refuses"
    for memory in result.document["memories"]:
        parts = ("used", "kernel", "padding", "gap", "reserved", "free")
        assert sum(memory[part] for part in parts) == memory["length"], memory
    if result.status is not ExitStatus.YES or manifest["isolation"] != "mpu":
        return False
    assert result.document["proof"]["proved"] == result.document["proof"]["obligations"] > 0
    judge(dict(result.document), manifest["target"])
    return True


WIDER = {"armv6m": ("rasr", 2), "armv7m": ("rasr", 2), "armv8m": ("rlar", 32), "pmp": ("pmpaddr", 8)}
"""The word of a region's size, and what makes the region larger by 32 bytes or twice as large."""
MORE = {
    "armv6m": ("rasr", 0x0700_0000, 0x0300_0000),
    "armv7m": ("rasr", 0x0700_0000, 0x0300_0000),
    "armv8m": ("rbar", 0b110, 0b010),
    "pmp": ("pmpcfg", 0b011, 0b011),
}
"""The word of a region's rights, the field in it, and the field's value that lets everybody read and write."""
ON = {"armv6m": ("rasr", 1), "armv7m": ("rasr", 1), "armv8m": ("rlar", 1), "pmp": ("pmpcfg", 0x18)}


@pytest.mark.parametrize("unit", sorted(ON))
def test_the_decoder_refuses_what_a_plan_must_not_hold(unit: str, tmp_path: Path) -> None:
    target = {"unit": unit, "slots": 8}
    manifest = {
        "manifest-version": 1,
        "isolation": "mpu",
        "target": target,
        "memory": {
            "flash": {"origin": 0, "length": "1M", "access": "rx"},
            "ram": {"origin": 0x2000_0000, "length": "64K", "access": "rw"},
        },
        "component": {n: {"sizes": {"code": 480, "bss": 480}, "trust": "untrusted"} for n in ("a", "b")},
    }
    result = solve(tmp_path, manifest)
    assert isinstance(result, PlanResult)
    sound = json.dumps(dict(result.document), sort_keys=True)
    judge(json.loads(sound), target)
    of = {(e["partition"], e["slot"]): i for i, e in enumerate(json.loads(sound)["registers"])}
    enabled = [key for key, i in of.items() if json.loads(sound)["registers"][i]["matches"]]
    assert {partition for partition, _ in enabled} == {"a", "b"}
    for partition, slot in enabled:
        for defect in ("off", "wider", "writable", "another's"):
            document = json.loads(sound)
            entry = document["registers"][of[partition, slot]]
            if defect == "off":
                word, bits = ON[unit]
                entry["words"][word] &= ~bits
            elif defect == "wider":
                word, more = WIDER[unit]
                entry["words"][word] += more
            elif defect == "writable":
                if "w" in entry["access"]:
                    continue
                word, field, value = MORE[unit]
                entry["words"][word] = entry["words"][word] & ~field | value
            else:
                other = "b" if partition == "a" else "a"
                document["registers"][of[other, 7]]["words"] = entry["words"]
            with pytest.raises(AssertionError):
                judge(document, target)


@settings(LAWS, max_examples=15)
@given(manifest=manifests(), random=st.randoms(use_true_random=False))
def test_the_order_of_the_manifest_does_not_change_a_byte(
    tmp_path: Path, manifest: dict[str, Any], random: Random
) -> None:
    other = shuffled(random, manifest)
    outputs: list[object] = []
    for one in (manifest, other):
        result = solve(tmp_path, one)
        if isinstance(result, BadInput):
            outputs.append(sorted(fault.message for fault in result.faults))
            continue
        files = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.suffix in {".ld", ".rs"}}
        document = {**result.document, "core": [fact["name"] for fact in result.document["core"]]}  # lines do move
        outputs.append((files, json.dumps(document, sort_keys=True)))
    assert outputs[0] == outputs[1]


def test_neither_the_hash_seed_nor_a_loaded_machine_changes_a_byte(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(
        text(
            {
                "manifest-version": 1,
                "isolation": "mpu",
                "target": {"unit": "armv7m", "slots": 8},
                "memory": {
                    "flash": {"origin": 0, "length": "1M", "access": "rx"},
                    "ram": {"origin": 0x2000_0000, "length": "128K", "access": "rw"},
                },
                "component": {
                    f"c{i}": {"sizes": {"code": 700 * i + 13, "data": 31 * i, "bss": 450 * i + 7}, "trust": "untrusted"}
                    for i in range(1, 9)
                },
            }
        )
    )
    seen = set()
    for seed, spinning in (("0", 0), ("1", 0), ("77", 2 * (os.cpu_count() or 1))):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(spinning)]
        out = tmp_path / f"out{seed}"
        subprocess.run(
            [sys.executable, "-m", "layoutplan", "solve", "layout.toml", "--out", out.name, "--cargo"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        for process in busy:
            process.kill()
            process.wait()
        seen.add(tuple((p.name, p.read_bytes()) for p in sorted(out.iterdir()) if p.suffix in {".ld", ".rs", ".json"}))
    assert len(seen) == 1
