"""Documents of plans that the planner made, for every unit: the words decode to the blocks, the bytes add up."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from layoutplan import report, solve
from layoutplan.model.access import Access, Isolation, Trust, UnitName
from layoutplan.model.component import Component, Kernel, Partition, Role, Share, System, Task
from layoutplan.model.memory import MemoryType, PmpTraits, Target
from layoutplan.model.plan import Solved
from tests.report.build import FLASH, PROVED, RAM

CACHED_RAM = dataclasses.replace(RAM, type=MemoryType.NORMAL_WRITE_BACK)
UNITS = {
    "armv6m": Target(unit=UnitName.ARMV6M, slots=8, memories=(FLASH, CACHED_RAM)),
    "armv7m": Target(unit=UnitName.ARMV7M, slots=8, memories=(FLASH, RAM)),
    "armv8m": Target(unit=UnitName.ARMV8M, slots=8, memories=(FLASH, RAM)),
    "pmp": Target(unit=UnitName.PMP, slots=16, memories=(FLASH, RAM)),
    "pmp-napot": Target(unit=UnitName.PMP, slots=16, memories=(FLASH, RAM), pmp=PmpTraits(modes=frozenset({"napot"}))),
    "pmp-swapped": Target(unit=UnitName.PMP, slots=16, memories=(FLASH, RAM), pmp=PmpTraits(swapped_rx=True)),
    "none": Target(unit=UnitName.NONE, slots=0, memories=(FLASH, RAM)),
}


def system(target: Target) -> System:
    """Three partitions, two with shared code, a share and a stack each."""
    trust = {"a": Trust.VERIFIED, "b": Trust.VERIFIED, "c": Trust.UNTRUSTED}
    sizes = {Role.TEXT: 1000, Role.RODATA: 100, Role.DATA: 36, Role.BSS: 700}
    return System(
        manifest=Path("layout.toml"),
        isolation=frozenset() if target.unit is UnitName.NONE else frozenset({Isolation.MPU}),
        target=target,
        kernel=Kernel(code=4096, data=64, bss=256, stack=512, reserved_slots=0),
        components=tuple(Component(name=n, partition=n, trust=t, sizes=sizes) for n, t in trust.items()),
        tasks=tuple(Task(name=n, component=n, partition=n, entry=f"{n}_main", stack=304) for n in trust),
        partitions=tuple(
            Partition(name=n, components=(n,), trust=t, code_private=t is Trust.UNTRUSTED) for n, t in trust.items()
        ),
        shares=(Share(name="ring", size=256, memory="ram", access={"a": Access.RW, "c": Access.R}),),
    )


@pytest.fixture(params=UNITS)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    asked = system(UNITS[request.param])
    outcome = solve.solve(asked)
    assert isinstance(outcome, Solved), outcome
    return report.document(asked, outcome, PROVED)


def test_the_document_validates(document: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(report.report_schema()).validate(document)


def test_the_bytes_add_up(document: dict[str, Any]) -> None:
    for memory in document["memories"]:
        counted = ("used", "kernel", "padding", "gap", "reserved", "free")
        assert sum(memory[key] for key in counted) == memory["length"]
        assert 0 <= document["cost_vs_none"]["bytes"][memory["name"]] <= memory["padding"] + memory["gap"]


def test_the_words_decode_to_the_rights_of_each_block(document: dict[str, Any]) -> None:
    """Inside each block's first and last byte, and outside by one byte wherever no other block adjoins."""
    if document["unit"] == "none":
        assert document["registers"] == []
        return
    owned = [(block["base"], block["base"] + block["granted"], block["rights"]) for block in document["blocks"]]
    for base, end, _ in owned:
        for address in (base, end - 1, base - 1, end):
            here = [rights for low, high, rights in owned if low <= address < high]
            found = report.explain(document, address)["access"]
            assert {entry["partition"]: entry["access"] for entry in found if entry["access"]} == (
                here[0] if here else {}
            )


def test_words_are_named_as_in_the_units_manual(document: dict[str, Any]) -> None:
    names = {
        "armv6m": {"rbar", "rasr"},
        "armv7m": {"rbar", "rasr"},
        "armv8m": {"rbar", "rlar"},
        "pmp": {"pmpaddr", "pmpcfg"},
    }
    assert all(set(register["words"]) == names[document["unit"]] for register in document["registers"])


def test_a_partition_uses_every_slot_that_its_blocks_say(document: dict[str, Any]) -> None:
    for partition in ("a", "b", "c") if document["registers"] else ():
        spent = sum(block["slots"] for block in document["blocks"] if partition in block["rights"])
        owned = [r for r in document["registers"] if r["partition"] == partition and r["owner"]]
        assert spent == len(owned) > 0


def test_every_writer_takes_it(document: dict[str, Any]) -> None:
    for write in (report.text, report.json, report.markdown, report.csv, report.html, report.memory_map_svg):
        assert write(document).endswith("\n")
