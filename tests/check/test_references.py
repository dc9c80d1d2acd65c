"""Every form in which a compiler or a linker writes an address, read again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from layoutplan.check.elf.objects import parse_object
from layoutplan.check.image.references import How, riscv_references, thumb_references
from tests.check.test_constants import ASSEMBLERS
from tests.toolchain import tool

BASE = 0x0800_0000
GP = 0x2000_0800
ANY = range(1 << 32)

ARM = {
    "movw r3, #0x5678\nmovt r3, #0x1234": (0x1234_5678, How.VALUE),
    "adr r0, . + 0x40": (BASE + 0x40, How.VALUE),
    "adr.w r0, . + 0x45": (BASE + 0x45, How.VALUE),
    "subw r0, pc, #0x44": (BASE - 0x40, How.VALUE),
    "b.n . + 0x100": (BASE + 0x100, How.BRANCH),
    "beq.n . + 0x80": (BASE + 0x80, How.BRANCH),
    "beq.w . - 0x8000": (BASE - 0x8000, How.BRANCH),
    "b.w . + 0x80000": (BASE + 0x8_0000, How.BRANCH),
    "bl . - 0x80000": (BASE - 0x8_0000, How.BRANCH),
    "cbz r0, . + 0x40": (BASE + 0x40, How.BRANCH),
    "cbnz r3, . + 0x7e": (BASE + 0x7E, How.BRANCH),
}
RISCV = {
    "lui a0, 0x12345\naddi a0, a0, -4": (0x1234_4FFC, How.VALUE),
    "lui a0, 0x12345\nc.addi a0, -4": (0x1234_4FFC, How.VALUE),
    "c.lui a0, 0x1f\naddi a1, a0, 8": (0x1_F008, How.VALUE),
    "auipc a0, 0x10\naddi a0, a0, 12": (BASE + 0x1_000C, How.VALUE),
    "auipc ra, 0xfffff\njalr ra, 16(ra)": (BASE - 0x1000 + 16, How.BRANCH),
    "lui a0, 0x12345\nc.jalr a0": (0x1234_5000, How.BRANCH),
    "lui a0, 0x12345\nc.jr a0": (0x1234_5000, How.BRANCH),
    "lui a0, 0x12345\nnop\njalr ra, 8(a0)": (0x1234_5008, How.COMPUTED),
    "addi a0, gp, -8": (GP - 8, How.VALUE),
    "jal . + 0x1000": (BASE + 0x1000, How.BRANCH),
    "beq a0, a1, . - 0x400": (BASE - 0x400, How.BRANCH),
    "c.beqz a0, . + 0x80": (BASE + 0x80, How.BRANCH),
    "c.bnez a0, . - 0x80": (BASE - 0x80, How.BRANCH),
    "c.j . + 0x7fe": (BASE + 0x7FE, How.BRANCH),
    "c.jal . - 0x800": (BASE - 0x800, How.BRANCH),
}


def assembled(machine: str, source: str, folder: Path) -> bytes:
    name, package, flags = ASSEMBLERS[machine]
    start = ".option norelax\n" if machine == "riscv" else ".syntax unified\n.thumb\n"
    (folder / "source.s").write_text(f"{start}{source}\n")
    subprocess.run([tool(name, package), *flags, "source.s", "-o", "object.o"], cwd=folder, check=True)
    sections = parse_object((folder / "object.o").read_bytes(), "object.o").sections
    data = next(section.data for section in sections if section.name == ".text")
    assert data
    return data


@pytest.mark.parametrize("source", ARM)
def test_thumb(source: str, tmp_path: Path) -> None:
    found = list(thumb_references(BASE, assembled("arm", source, tmp_path), ANY))
    assert found[-1][1:] == ARM[source]


@pytest.mark.parametrize("source", RISCV)
def test_riscv(source: str, tmp_path: Path) -> None:
    found = list(riscv_references(BASE, assembled("riscv", source, tmp_path), ANY, GP))
    assert found[-1][1:] == RISCV[source]


def test_what_a_function_does_inside_itself_is_no_reference(tmp_path: Path) -> None:
    source = "1: b.n 1b\nbeq.n 1b\nbl 1b\ncbz r0, 2f\nnop\n2: nop"
    assert list(thumb_references(BASE, assembled("arm", source, tmp_path), ANY)) == []
    source = "1: jal 1b\nc.j 1b\nc.beqz a0, 1b\nbeq a0, a1, 1b"
    assert list(riscv_references(BASE, assembled("riscv", source, tmp_path), ANY, None)) == []
