"""Records of what a wasm memory begins with, as RV32 objects bring them: data of their component like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from layoutplan.inputs import read_manifest
from layoutplan.model.access import Isolation
from layoutplan.model.component import Role
from layoutplan.model.plan import Solved
from layoutplan.solve import solve
from tests.inputs.test_measure import measured, rows
from tests.objects.builder import ALLOC, EM_RISCV, EXEC, WRITE, Sec, Sym, simple
from tests.oracles import pmp

MANIFEST = """
manifest-version = 1
[target]
unit = "pmp"
slots = 16
[memory.flash]
origin = 0
length = "1M"
access = "rx"
[memory.ram]
origin = 0x8000_0000
length = "1M"
access = "rw"
[component.a]
objects = ["a.o"]
[component.b]
objects = ["b.o"]
"""
SIZE = 1029


@pytest.mark.parametrize(("flags", "role", "letters"), [(ALLOC, Role.RODATA, "r"), (ALLOC | WRITE, Role.DATA, "rw")])
def test_riscv_records_are_sized_and_placed_as_data_of_their_component(
    flags: int, role: Role, letters: str, tmp_path: Path
) -> None:
    """By the section's flags, as a linker does; from the first byte to the last its own, and nothing of another's."""
    code = Sec(name=".text", flags=ALLOC | EXEC, data=bytes(10), align=2)
    records = Sec(name=".wasm_data", flags=flags, data=bytes(SIZE), align=4)
    for name in ("a", "b"):
        made = simple(machine=EM_RISCV, flags=1, sections=[code, records], symbols=[Sym(name="main", section=1)])
        (tmp_path / f"{name}.o").write_bytes(made.build())
    (tmp_path / "layout.toml").write_text(MANIFEST)
    system = measured(read_manifest(tmp_path / "layout.toml", {}).system)
    assert rows(system, "a") == [(".text", "text", 10, 2), (".wasm_data", role.value, SIZE, 4)]
    outcome = solve(replace(system, isolation=frozenset({Isolation.MPU})))
    assert isinstance(outcome, Solved)
    placed = {(part.component, part.role): (p, part) for p in outcome.plan.placements for part in p.block.parts}
    for owner, other in (("a", "b"), ("b", "a")):
        placement, part = placed[owner, role]
        assert part.size == SIZE
        base = placement.granted.base + part.offset
        assert base % 4 == 0
        for partition, allowed in ((owner, letters), (other, "")):
            words = [slot.words for slot in outcome.plan.registers[partition]]
            assert {pmp.allowed(words, address) for address in (base, base + SIZE - 1)} == {allowed}, partition
