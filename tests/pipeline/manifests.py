"""Manifests that hypothesis makes: mostly sensible, often infeasible, sometimes wrong."""

from __future__ import annotations

from random import Random
from typing import Any

import tomli_w
from hypothesis import strategies as st

NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]
SIZES = st.one_of(st.integers(0, 300), st.integers(0, 9000), st.sampled_from([0, 1, 31, 32, 33, 255, 256, 257, 4096]))

TARGETS: dict[str, list[dict[str, Any]]] = {
    "pmsav7": [
        {"unit": "armv7m", "slots": 8},
        {"unit": "armv7m", "slots": 8},
        {"unit": "armv7m", "slots": 16},
        {"unit": "armv6m", "slots": 8},
    ],
    "pmsav8": [{"unit": "armv8m", "slots": 8}, {"unit": "armv8m", "slots": 16}],
    "pmp": [
        {"unit": "pmp", "slots": 16},
        {"unit": "pmp", "slots": 16, "pmp": {"grain": 32, "modes": ["napot"]}},
        {"unit": "pmp", "slots": 16, "pmp": {"grain": 4, "modes": ["napot", "na4"]}},
    ],
}


@st.composite
def components(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in names:
        one: dict[str, Any] = {
            "sizes": {"code": draw(SIZES), "rodata": draw(SIZES), "data": draw(SIZES), "bss": draw(SIZES)},
            "trust": draw(st.sampled_from(["verified", "untrusted"])),
        }
        if draw(st.booleans()):
            one |= {"entry": f"{name}_main", "stack": draw(st.integers(8, 2000))}
        if draw(st.integers(0, 4)) == 0:
            one["heap"] = draw(st.integers(1, 3000))
        if draw(st.integers(0, 5)) == 0:
            one["partition"] = draw(st.sampled_from(NAMES))
        if draw(st.integers(0, 9)) == 0:
            one["accept"] = ["mixed-trust"]
        made[name] = one
    return made


@st.composite
def manifests(draw: st.DrawFn, *, units: tuple[str, ...] = tuple(TARGETS)) -> dict[str, Any]:
    """A manifest for one of some kinds of unit as a dict; `text` writes it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    manifest: dict[str, Any] = {
        "manifest-version": 1,
        "isolation": draw(st.sampled_from(["mpu", "mpu", "mpu", "none"])),
        "target": draw(st.sampled_from([target for unit in units for target in TARGETS[unit]])),
        "memory": {
            "flash": {
                "origin": draw(st.sampled_from([0, 0x800_0000])),
                "length": draw(st.sampled_from([8192, 1 << 20])),
            },
            "ram": {"origin": 0x2000_0000, "length": draw(st.sampled_from([2048, 30_000, 1 << 18]))},
        },
        "kernel": {"stack": draw(st.integers(0, 1024)), "reserved-slots": draw(st.integers(0, 2))},
        "component": draw(components(names)),
    }
    manifest["memory"]["flash"]["access"] = "rx"
    manifest["memory"]["ram"]["access"] = "rw"
    partitions = sorted({one.get("partition", name) for name, one in manifest["component"].items()})
    for index in range(draw(st.integers(0, 2))):
        peripheral = f"device{index}"
        manifest.setdefault("peripheral", {})[peripheral] = {
            "base": 0x4000_0000 + draw(st.integers(0, 64)) * 0x400,
            "size": draw(st.sampled_from([0x20, 0x100, 0x400, 0x1000, 0x24])),
        }
        holder = manifest["component"][draw(st.sampled_from(names))]
        holder.setdefault("peripherals", []).append(peripheral)
    if draw(st.integers(0, 2)) == 0:
        manifest["shared"] = {
            "ring": {
                "size": draw(st.integers(1, 700)),
                "memory": "ram",
                "access": {p: draw(st.sampled_from(["r", "rw"])) for p in partitions[: draw(st.integers(1, 3))]},
            }
        }
    if draw(st.integers(0, 4)) == 0:
        manifest["reserve"] = [{"memory": "ram", "base": 0x2000_0400, "size": draw(st.integers(1, 900))}]
    if draw(st.integers(0, 4)) == 0:
        place = 0x2000_0000 + draw(st.integers(0, 900)) * 32
        manifest["partition"] = {partitions[0]: {"pin": {"data": place}, "split": draw(st.booleans())}}
    return manifest


def text(manifest: dict[str, Any]) -> str:
    """The manifest as TOML."""
    return tomli_w.dumps(manifest)


def shuffled(random: Random, value: Any) -> Any:  # noqa: ANN401 - a TOML value
    """The same manifest with every table's keys in another order."""
    if isinstance(value, dict):
        keys = random.sample(list(value), len(value))
        return {key: shuffled(random, value[key]) for key in keys}
    return value
