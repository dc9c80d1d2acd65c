"""Objects for the hand-made plan, assembled by GNU as: sealed components and a kernel, each a few instructions."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from layoutplan.model.component import Component, Role, System
from layoutplan.model.plan import Plan
from layoutplan.render import plan_hash
from tests.toolchain import missing, tool

LINKERS = ("gnu", "lld", "rust-lld")
"""Debian's GNU ld and lld, and the lld of rustup's toolchain, which cargo runs and which is versions newer."""

ALL_ERRORS = {"gnu": [], "lld": ["--error-limit=0"], "rust-lld": ["--error-limit=0"]}
"""lld stops counting at twenty."""

_FLAGS = {
    Role.TEXT: '"ax",%progbits',
    Role.RODATA: '"a",%progbits',
    Role.DATA: '"aw",%progbits',
    Role.BSS: '"aw",%nobits',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between two GNU assemblers."""

    assembler: tuple[str, ...]
    package: str
    linker: tuple[str, ...]
    prelude: str
    function: str
    jump: int
    """Bytes of ``b .``."""


THUMB = Dialect(
    assembler=("arm-none-eabi-as",),
    package="binutils-arm-none-eabi",
    linker=("arm-none-eabi-ld",),
    prelude=".syntax unified\n.cpu cortex-m3\n.thumb\n",
    function=".thumb_func\n",
    jump=2,
)
RV32 = Dialect(
    assembler=("riscv64-unknown-elf-as", "-march=rv32imac", "-mabi=ilp32"),
    package="binutils-riscv64-unknown-elf",
    linker=("riscv64-unknown-elf-ld", "-melf32lriscv"),
    prelude=".option norvc\n.option norelax\n.macro b to\nj \\to\n.endm\n",
    function="",
    jump=4,
)


def linker(name: str, dialect: Dialect = THUMB) -> list[str]:
    """The start of the command line of one of ``LINKERS``."""
    if name == "gnu":
        return [tool(dialect.linker[0], dialect.package), *dialect.linker[1:]]
    if name == "lld":
        return [tool(("ld.lld-19", "ld.lld"), "lld-19")]
    return [rust_lld(), "-flavor", "gnu"]


@functools.cache
def rust_lld() -> str:
    """The linker beside rustup's compiler."""
    rustc = Path(tool("rustup", "rustup")).parent / "rustc"
    sysroot, version = (
        subprocess.run([rustc, *flags], capture_output=True, text=True, check=True).stdout
        for flags in (["--print", "sysroot"], ["-vV"])
    )
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    path = Path(sysroot.strip()) / "lib" / "rustlib" / host / "bin" / "rust-lld"
    if not path.exists():
        missing("rust-lld", "rustup")
    return str(path)


def assemble(source: str, out: Path, dialect: Dialect = THUMB) -> Path:
    """Assemble ``source`` into ``out``."""
    command = [tool(dialect.assembler[0], dialect.package), *dialect.assembler[1:], "-o", str(out), "-"]
    text = dialect.prelude + source
    result = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    return out


def component_source(component: Component, dialect: Dialect = THUMB) -> str:
    """Sections of the planned sizes, filled with the component's initial; the entry at the start of the text."""
    lines = []
    for section in component.sections:
        lines.append(f".section {section.name},{_FLAGS[section.role]}\n.balign {section.align}")
        size = section.size
        if section.role is Role.TEXT and component.entry is not None:
            lines.append(f".global {component.entry}\n{dialect.function}{component.entry}: b .")
            size -= dialect.jump
        lines.append(f".space {size}" if section.role is Role.BSS else f".fill {size}, 1, {ord(component.name[0])}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSource:
    """A kernel in assembly: vectors, a word of everything, and a stand-in for the Rust table."""

    vectors: int = 64
    text: int = 200
    rodata: int = 24
    data: int = 16
    bss: int = 48
    uninit: int = 8
    table: int = 32
    extra: str = ""
    plan_symbols: tuple[str, ...] = field(default=())
    dialect: Dialect = THUMB

    def __str__(self) -> str:
        start = "Reset" if self.dialect is THUMB else "_start"
        function = self.dialect.function
        symbols = "\n".join(f".global {name}\n{name}:" for name in self.plan_symbols)
        data = f'.section .data.d,"aw",%progbits\n.balign 4\nd: .fill {self.data}, 1, 0xda\n' if self.data else ""
        bss = f'.section .bss.b,"aw",%nobits\n.balign 4\nb: .space {self.bss}\n' if self.bss else ""
        uninit = f'.section .uninit.u,"aw",%nobits\n.balign 4\nu: .space {self.uninit}\n' if self.uninit else ""
        used = "".join(f".word {name}\n" for name in "dbu" if f"\n{name}:" in data + bss + uninit)
        table = f'.section .lp.region_table,"a",%progbits\n.balign 8\n{symbols}\n.fill {self.table}, 1, 0x7a\n'
        first = f'.section .vector_table.reset,"a",%progbits\n.word 0\n.word {start}\n.space {self.vectors - 8}\n'
        return (
            f"{first if self.vectors else ''}"
            f'.section .text.Reset,"ax",%progbits\n.global {start}\n{function}{start}: b .\n'
            f".space {self.text - self.dialect.jump}\n"
            f'.balign 4\n.word n\n{used}.section .rodata.n,"a",%progbits\n.balign 4\nn: .fill {self.rodata}, 1, 0xc0\n'
            f"{data}{bss}{uninit}{table if self.table else ''}{self.extra}\n"
        )


def kernel_source(system: System, plan: Plan, **changes: object) -> KernelSource:
    """The kernel that belongs to ``plan``."""
    return KernelSource(plan_symbols=(f"__lp_plan_{plan_hash(system, plan):016x}",), **changes)  # type: ignore[arg-type] # named by the caller


def link(
    name: str, script: Path, objects: list[Path], out: Path, *flags: str, dialect: Dialect = THUMB
) -> subprocess.CompletedProcess[str]:
    """Run a linker as cargo would."""
    command = [*linker(name, dialect), "--gc-sections", *flags, "-T", str(script), *map(str, objects)]
    return subprocess.run([*command, "-o", str(out)], capture_output=True, text=True, check=False)
