"""A component that defines what the kernel calls or the hardware reads: it captures them unless it is sealed.

Shown in both directions, by linking with both linkers: the stock script below gathers sections as every embedded
script does, and takes components where a plan would put them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.render import objects
from tests.render.image import Image, read
from tests.seal.sources import archive, assemble, component, function, sealed

STOCK_SCRIPT = """
MEMORY
{
  flash (rx) : ORIGIN = 0x00000000, LENGTH = 0x10000
  ram (rwx) : ORIGIN = 0x20000000, LENGTH = 0x10000
}
ENTRY(Reset)
SECTIONS
{
  .vector_table 0 : { KEEP(*(.vector_table.*)) } > flash
  .text : { *(.text .text.*) } > flash
  .rodata : { *(.rodata .rodata.*) } > flash
  .init_array : { __init_start = .; KEEP(*(.init_array .init_array.*)) __init_end = .; } > flash
  .component 0x8000 : { KEEP(*(.lp.uart.*)) } > flash
  /DISCARD/ : { *(.ARM.exidx* .ARM.extab*) }
}
"""
COMPONENT = range(0x8000, 0x1_0000)
KERNEL = range(0x8000)

KERNEL_SOURCE = (
    '.section .vector_table.1_reset,"a"\n.word 0x20001000\n.word Reset\n.word SysTick\n'
    ".weak SysTick\n.thumb_set SysTick, DefaultHandler\n"
    + function("DefaultHandler")
    + function("Reset", "__aeabi_memcpy")
)
RUNTIME_SOURCE = function("__aeabi_memcpy", "kernels_own") + function("kernels_own")
ATTACKS = {
    "memcpy": function("__aeabi_memcpy"),
    "systick": function("SysTick"),
    "vectors": '.section .vector_table.0_mine,"aR"\n.word 0xdeadbeef\n.word uart_main\n.word uart_main\n',
    "constructor": '.section .init_array,"aw",%init_array\n.word uart_main\n',
}

both_linkers = pytest.mark.parametrize("linker", objects.LINKERS)


def build(linker: str, uart: Path, folder: Path) -> Image:
    """A kernel with its own memcpy in an archive, linked with a component that came first on the command line."""
    script = folder / "stock.ld"
    script.write_text(STOCK_SCRIPT)
    kernel = assemble(KERNEL_SOURCE, folder / "kernel.o")
    runtime = archive(folder / "librt.a", assemble(RUNTIME_SOURCE, folder / "memcpy.o"))
    result = objects.link(linker, script, [uart, kernel, runtime], folder / "a.elf", "-u", "uart_main")
    assert result.returncode == 0, result.stderr
    return read(folder / "a.elf")


def captured(image: Image) -> set[str]:
    """What no longer belongs to the kernel."""
    stack, reset, systick = image.words(0, 12)
    found = set()
    if (stack, reset & ~1) != (0x2000_1000, image.symbols["Reset"] & ~1):
        found.add("vectors")
    if systick != image.symbols.get("DefaultHandler"):
        found.add("systick")
    if "kernels_own" not in image.symbols:
        found.add("memcpy")
    if image.symbols["__init_start"] != image.symbols["__init_end"]:
        found.add("constructor")
    return found


@both_linkers
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_unsealed_component_captures(linker: str, attack: str, tmp_path: Path) -> None:
    uart = assemble(function("uart_main") + ATTACKS[attack], tmp_path / "uart.o")
    assert attack in captured(build(linker, uart, tmp_path))


@both_linkers
def test_a_sealed_component_captures_nothing(linker: str, tmp_path: Path) -> None:
    source = function("uart_main", "__aeabi_memcpy", "SysTick")
    source += "".join(ATTACKS[attack] for attack in ("memcpy", "systick", "vectors"))
    asked = component(assemble(source, tmp_path / "uart.o"))
    found = sealed(asked, tmp_path / "sealed.o")
    assert {"memcpy", "SysTick"} & found.defined == set()
    image = build(linker, tmp_path / "sealed.o", tmp_path)
    assert captured(image) == set()
    assert image.symbols["uart_main"] & ~1 in COMPONENT


@both_linkers
def test_what_a_component_defines_and_never_reaches_is_gone(linker: str, tmp_path: Path) -> None:
    source = function("uart_main") + ATTACKS["memcpy"] + ATTACKS["systick"] + ATTACKS["vectors"].replace('"aR"', '"a"')
    asked = component(assemble(source, tmp_path / "uart.o"))
    found = sealed(asked, tmp_path / "sealed.o")
    assert {section.name for section in found.allocated} == {".lp.uart.text.uart_main"}
    assert captured(build(linker, tmp_path / "sealed.o", tmp_path)) == set()
