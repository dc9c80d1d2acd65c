"""Isolation by compiled-in checks: what each component has to bring, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.model.access import BoundsChecks, Isolation, Kind
from layoutplan.model.component import Role, System
from layoutplan.solve import blocks_of
from tests.inputs.test_measure import ONE, measured, refused, system_of
from tests.objects.builder import ALLOC, EXEC, NOBITS, WRITE, Sec, Sym, simple

OWN_SECTION = Sec(name=".synth.wasm_mem_0", type=NOBITS, flags=ALLOC | WRITE, size=65536)
SECOND_MEMORY = Sec(name=".synth.wasm_mem_1", type=NOBITS, flags=ALLOC | WRITE, size=65536)
TEXT = Sec(name=".text", flags=ALLOC | EXEC, data=bytes(4))


def software(folder: Path, manifest: str = ONE, **objects: bytes) -> System:
    system = system_of(folder, manifest, **(objects or {"a": simple().build()}))
    return replace(system, isolation=frozenset({Isolation.SOFTWARE}))


def says(folder: Path, name: str = "a", *, checks: str = "software", memory: int = 65536) -> None:
    content = {"safety_bounds": checks, "linear_memory_bytes": memory}
    (folder / f"{name}.safety-manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize("checks", list(BoundsChecks))
def test_a_component_gets_the_linear_memory_that_its_compiler_counted_on(checks: str, tmp_path: Path) -> None:
    says(tmp_path, checks=checks)
    component = measured(software(tmp_path)).component("a")
    assert (component.linear_memory, component.bounds_checks) == (65536, checks)


def test_a_further_memory_in_the_object_is_not_taken_for_the_first(tmp_path: Path) -> None:
    """Without software isolation a section that large is the memory; with it no base register leads there."""
    says(tmp_path)
    made = simple(sections=[TEXT, SECOND_MEMORY], symbols=[]).build()
    system = software(tmp_path, a=made)
    assert measured(system).component("a").linear_memory == 65536
    assert measured(replace(system, isolation=frozenset())).component("a").linear_memory == 0


@pytest.mark.parametrize("name", ["__synth_wasm_data", ".synth.wasm_mem_0"])
def test_a_linear_memory_inside_the_object_is_refused(name: str, tmp_path: Path) -> None:
    says(tmp_path)
    inside = [TEXT, OWN_SECTION] if name.startswith(".") else [TEXT, SECOND_MEMORY]
    symbols = [] if name.startswith(".") else [Sym(name=name, section=2)]
    system = software(tmp_path, a=simple(sections=inside, symbols=symbols).build())
    assert refused(system) == (
        f"error[own-linear-memory]: `a` brings its linear memory in its own data (`{name}`) and does not use the base "
        "register\n  at layout.toml:5: component.a.objects\n"
        "hint: compile it without --native-pointer-abi: the plan gives it a linear memory"
    )
    assert measured(replace(system, isolation=frozenset({Isolation.MPU})))


def test_less_memory_than_the_code_was_compiled_for_is_refused(tmp_path: Path) -> None:
    says(tmp_path)
    assert refused(software(tmp_path, ONE + 'linear-memory = "4K"\n', a=simple().build())) == (
        "error[linear-memory]: `a` was compiled for 65536 bytes of linear memory, and the manifest gives it 4096\n"
        "  at layout.toml:6: component.a.linear-memory\nhint: leave `linear-memory` out"
    )


def test_a_mask_wants_a_power_of_two(tmp_path: Path) -> None:
    says(tmp_path, checks="mask", memory=65536)
    three_pages = software(tmp_path, ONE + 'linear-memory = "192K"\n', a=simple().build())
    assert refused(three_pages) == (
        "error[mask-size]: `a` masks its addresses, and its linear memory of 196608 bytes is not a power of two\n"
        "  at layout.toml:6: component.a.linear-memory\nhint: give linear-memory = 262144"
    )
    says(tmp_path, checks="mask", memory=0)
    assert "its linear memory of 0 bytes is not a power of two" in refused(software(tmp_path))
    says(tmp_path, checks="software", memory=0)
    assert measured(software(tmp_path)).component("a").linear_memory == 0
    says(tmp_path, checks="software")
    assert measured(three_pages).component("a").linear_memory == 196608


TWO = """
[component.a]
objects = ["a.o"]
partition = "both"
[component.b]
objects = ["b.o"]
partition = "both"
"""


def test_two_linear_memories_in_one_partition_are_refused(tmp_path: Path) -> None:
    says(tmp_path, "a")
    says(tmp_path, "b")
    other = simple(symbols=[Sym(name="other", section=1)]).build()
    assert refused(software(tmp_path, TWO, a=simple().build(), b=other)) == (
        "error[linear-memory]: partition `both` has 2 linear memories (`a`, `b`) and one base register\n"
        "  at layout.toml:10: component.b.partition\nhint: give each of these components a partition of its own"
    )
    apart = TWO.replace('partition = "both"\n', "")
    assert measured(software(tmp_path, apart, a=simple().build(), b=other)).component("b").linear_memory == 65536
    says(tmp_path, "b", memory=0)
    assert measured(software(tmp_path, TWO, a=simple().build(), b=other)).component("b").linear_memory == 0


@pytest.mark.parametrize(("heap", "planned"), [(0, 8), (4, 8), (100, 100)])
def test_behind_a_masked_memory_are_eight_bytes_of_its_own(heap: int, planned: int, tmp_path: Path) -> None:
    says(tmp_path, checks="mask")
    system = software(tmp_path, f"{ONE}heap = {heap}\n", a=simple().build())
    made = measured(system)
    assert made.component("a").heap == planned
    (data,) = (block for block in blocks_of(made) if block.kind is Kind.DATA)
    memory = next(part for part in data.parts if part.role is Role.LINEAR_MEMORY)
    assert data.size - (memory.offset + memory.size) >= 7, "an access of eight bytes at the last offset stays inside"
    for words, checks in (({Isolation.SOFTWARE, Isolation.MPU}, "mask"), ({Isolation.SOFTWARE}, "software")):
        says(tmp_path, checks=checks)
        assert measured(replace(system, isolation=frozenset(words))).component("a").heap == heap
