"""Components, good and bad, in Thumb assembly, and the tools to look at what becomes of them."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from layoutplan.model.component import Component
from layoutplan.objects import RelocatableObject, read_object
from layoutplan.seal import seal
from tests import toolchain


def function(name: str, *calls: str, section: str = "", body: str = "") -> str:
    """A global function in its own section that calls others."""
    where = section or f".text.{name}"
    lines = "".join(f" bl {call}\n" for call in calls)
    return (
        f'.section {where},"ax",%progbits\n.global {name}\n.thumb_func\n{name}: push {{lr}}\n{lines}{body} pop {{pc}}\n'
    )


def assemble(source: str, out: Path, *, riscv: bool = False) -> Path:
    """Assemble Thumb, or RV32IMAC, whatever PATH a fixture has left."""
    prelude = "" if riscv else ".syntax unified\n.cpu cortex-m3\n.thumb\n"
    command = [_absolute("riscv64-unknown-elf-as"), "-march=rv32imac", "-mabi=ilp32"]
    if not riscv:
        command = [_absolute("arm-none-eabi-as")]
    result = subprocess.run(
        [*command, "-o", str(out), "-"], input=prelude + source, text=True, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return out


def archive(out: Path, *members: Path, thin: bool = False) -> Path:
    """An archive of objects, with an index."""
    flags = "rcsDT" if thin else "rcsD"
    subprocess.run([_absolute("arm-none-eabi-ar"), flags, str(out), *map(str, members)], check=True)
    return out


@functools.cache
def _absolute(name: str) -> str:
    """Found once on the PATH of the first caller; fixtures narrow PATH only after this module was asked."""
    for folder in ("/usr/bin", "/usr/local/bin"):
        if (Path(folder) / name).exists():
            return str(Path(folder) / name)
    return toolchain.tool(name, "binutils-arm-none-eabi or binutils-riscv64-unknown-elf")


def component(
    *paths: Path, name: str = "uart", entry: str | None = "uart_main", exports: tuple[str, ...] = ()
) -> Component:
    return Component(name=name, partition=name, objects=paths, entry=entry, exports=exports)


def sealed(
    asked: Component,
    out: Path,
    *,
    libraries: tuple[Path, ...] = (),
    allowed: frozenset[str] = frozenset(),
    machine: str = "arm",
) -> RelocatableObject:
    """Seal and read back."""
    seal(asked, asked.objects, libraries=libraries, allowed_undefined=allowed, machine=machine, out=out)
    return read_object(out.read_bytes(), out.name)
