"""The fields are those that the linkers make, for every relocation that is modelled."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from layoutplan.check.elf.image import parse_image, parse_object
from layoutplan.check.elf.relocated import as_relocated, field_width
from layoutplan.model.access import Machine
from tests.toolchain import tool

ARM = """
.syntax unified
.thumb
movw r0, #:lower16:variable + 4
movt r0, #:upper16:variable + 4
bl function
b.w function
bl farther
.balign 4
.word variable + 12
.word function
.word variable - .
.section .text.function, "ax"
.space 0x3456
.global function
.type function, %function
.thumb_func
function: bx lr
.space 0x123456
.global farther
.type farther, %function
.thumb_func
farther: bx lr
.bss
.space 0x9876
.global variable
variable: .space 4
"""
RISCV = """
.option norelax
.option norvc
lui a0, %hi(variable + 4)
addi a0, a0, %lo(variable + 4)
sw a0, %lo(variable + 4)(a0)
auipc a1, %pcrel_hi(variable)
jal function
call farther
.word variable + 12
.section .text.function, "ax"
.space 0x3456
.global function
function: ret
.space 0x123456
.global farther
farther: ret
.bss
.space 0x9876
.global variable
variable: .space 4
"""
SCRIPT = """
SECTIONS
{
  .text 0x08000100 : { *(.text) }
  .text.function 0x08010000 : { *(.text.function) }
  .bss 0x20000800 (NOLOAD) : { *(.bss) }
}
"""
TOOLS = {
    Machine.ARM: (
        "arm-none-eabi-",
        "binutils-arm-none-eabi",
        ["-mcpu=cortex-m3"],
        ["-marmelf"],
        ARM,
        {2, 3, 10, 30, 47, 48},
    ),
    Machine.RISCV: (
        "riscv64-unknown-elf-",
        "binutils-riscv64-unknown-elf",
        ["-march=rv32imac", "-mabi=ilp32"],
        ["-melf32lriscv"],
        RISCV,
        {1, 17, 19, 23, 26, 27, 28},
    ),
}


@pytest.mark.parametrize("machine", list(TOOLS))
def test_the_linker_makes_the_same_field(machine: Machine, tmp_path: Path) -> None:
    prefix, package, assemble, link, source, modelled = TOOLS[machine]
    (tmp_path / "source.s").write_text(source)
    (tmp_path / "script.ld").write_text(SCRIPT)
    subprocess.run([tool(prefix + "as", package), *assemble, "source.s", "-o", "object.o"], cwd=tmp_path, check=True)
    flags = [*link, "-T", "script.ld", "-e", "0", "--no-warn-rwx-segments"]
    subprocess.run([tool(prefix + "ld", package), *flags, "object.o", "-o", "image.elf"], cwd=tmp_path, check=True)
    sections = parse_object((tmp_path / "object.o").read_bytes(), "object.o")
    image = parse_image((tmp_path / "image.elf").read_bytes(), "image.elf")
    homes = {section.name: section for section in image.sections if section.allocated}
    addresses = {section.index: homes[section.name].address for section in sections if section.size}
    text = next(section for section in sections if section.name == ".text")
    linked = image.contents(homes[".text"])
    assert text.data is not None
    assert linked is not None
    seen = set()
    for row in text.relocations:
        width = field_width(machine, row.type)
        before, after = text.data[row.offset : row.offset + width], linked[row.offset : row.offset + width]
        place, symbol = homes[".text"].address + row.offset, addresses[row.section] + row.value
        made = as_relocated(machine, row.type, before, place, symbol, row.addend)
        if made is not None:
            seen.add(row.type)
            assert made == after, f"type {row.type} at {row.offset}"
            assert as_relocated(machine, row.type, before, place, symbol + 0x1_1804, row.addend) != after
    assert seen == modelled
