"""A RISC-V component's access to its small data, at a final link that defines ``__global_pointer$`` and relaxes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.render.image import read
from tests.render.objects import RV32, link
from tests.seal.sources import assemble, component, sealed
from tests.toolchain import tool

SCRIPT = """
MEMORY
{
  flash (rx) : ORIGIN = 0x80000000, LENGTH = 0x10000
  ram (rwx) : ORIGIN = 0x80010000, LENGTH = 0x10000
}
ENTRY(_start)
SECTIONS
{
  .text : { KEEP(*(.init)) *(.text .text.*) KEEP(*(.lp.uart.text.*)) } > flash
  .data : { *(.data .sdata .sdata.*) KEEP(*(.lp.uart.sdata.*)) } > ram
  __global_pointer$ = ADDR(.data) + 0x100;
}
"""
KERNEL = '.section .init,"ax"\n.global _start\n_start: j _start\n'
UART = (
    '.section .text.uart_main,"ax"\n.global uart_main\nuart_main: la a0, small\n lw a0, 0(a0)\n ret\n'
    '.section .sdata.small,"aw"\nsmall: .word 7\n'
)
GP = 3


def base_registers(linker: str, uart: Path, folder: Path) -> set[int]:
    """The rs1 of every load and addition in the component's code: register 3 is ``gp``."""
    (folder / "a.ld").write_text(SCRIPT)
    kernel = assemble(KERNEL, folder / "kernel.o", riscv=True)
    result = link(linker, folder / "a.ld", [kernel, uart], folder / "a.elf", "-u", "uart_main", dialect=RV32)
    assert result.returncode == 0, result.stderr
    image = read(folder / "a.elf")
    start = image.symbols["uart_main"]
    words = image.words(start, start + 8)
    return {word >> 15 & 31 for word in words if word & 0x7F in (0x03, 0x13)}


@pytest.mark.parametrize("linker", ["gnu", "lld"])
def test_a_sealed_component_does_not_depend_on_gp(linker: str, tmp_path: Path) -> None:
    uart = assemble(UART, tmp_path / "uart.o", riscv=True)
    sealed(component(uart), tmp_path / "sealed.o", machine="riscv")
    assert GP not in base_registers(linker, tmp_path / "sealed.o", tmp_path)


def test_an_unsealed_one_does(tmp_path: Path) -> None:
    """GNU ld relaxes without being asked."""
    source = UART.replace(".section .text.uart_main", ".section .lp.uart.text.m").replace(
        ".sdata.small", ".lp.uart.sdata.s"
    )
    assert GP in base_registers("gnu", assemble(source, tmp_path / "uart.o", riscv=True), tmp_path)


def test_nothing_else_in_the_object_changes(tmp_path: Path) -> None:
    uart = assemble(UART, tmp_path / "uart.o", riscv=True)
    sealed(component(uart), tmp_path / "sealed.o", machine="riscv")
    listing = subprocess.run(
        [tool("readelf", "binutils"), "-rW", str(tmp_path / "sealed.o")], capture_output=True, text=True, check=True
    ).stdout
    assert "R_RISCV_PCREL_HI20" in listing
    assert listing.count("R_RISCV_NONE") == 2
    assert "R_RISCV_RELAX" not in listing
