"""Objects for the hand-made plan, assembled by GNU as: sealed components and a kernel, each a few instructions."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from layoutplan.model.component import Component, Role, System
from layoutplan.model.plan import Plan
from layoutplan.render import plan_hash
from tests.toolchain import tool

LINKERS = {
    "gnu": (("arm-none-eabi-ld",), "binutils-arm-none-eabi"),
    "lld": (("ld.lld-19", "ld.lld"), "lld-19"),
}

_FLAGS = {
    Role.TEXT: '"ax",%progbits',
    Role.RODATA: '"a",%progbits',
    Role.DATA: '"aw",%progbits',
    Role.BSS: '"aw",%nobits',
}
_PRELUDE = ".syntax unified\n.cpu cortex-m3\n.thumb\n"


def linker(name: str) -> str:
    """The path of one of ``LINKERS``."""
    return tool(*LINKERS[name])


def assemble(source: str, out: Path) -> Path:
    """Assemble Thumb ``source`` into ``out``."""
    result = subprocess.run(
        [tool("arm-none-eabi-as", "binutils-arm-none-eabi"), "-o", str(out), "-"],
        input=_PRELUDE + source,
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return out


def component_source(component: Component) -> str:
    """Sections of the planned sizes, filled with the component's initial; the entry at the start of the text."""
    lines = []
    for section in component.sections:
        lines.append(f".section {section.name},{_FLAGS[section.role]}\n.balign {section.align}")
        size = section.size
        if section.role is Role.TEXT and component.entry is not None:
            lines.append(f".global {component.entry}\n.thumb_func\n{component.entry}: b .")
            size -= 2
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

    def __str__(self) -> str:
        symbols = "\n".join(f".global {name}\n{name}:" for name in self.plan_symbols)
        data = f'.section .data.d,"aw",%progbits\n.balign 4\nd: .fill {self.data}, 1, 0xda\n' if self.data else ""
        bss = f'.section .bss.b,"aw",%nobits\n.balign 4\nb: .space {self.bss}\n' if self.bss else ""
        uninit = f'.section .uninit.u,"aw",%nobits\n.balign 4\nu: .space {self.uninit}\n' if self.uninit else ""
        used = "".join(f".word {name}\n" for name in "dbu" if f"\n{name}:" in data + bss + uninit)
        table = f'.section .lp.region_table,"a",%progbits\n.balign 8\n{symbols}\n.fill {self.table}, 1, 0x7a\n'
        return (
            f'.section .vector_table.reset,"a",%progbits\n.word 0\n.word Reset\n.space {self.vectors - 8}\n'
            f'.section .text.Reset,"ax",%progbits\n.global Reset\n.thumb_func\nReset: b .\n.space {self.text - 2}\n'
            f'.balign 4\n.word n\n{used}.section .rodata.n,"a",%progbits\n.balign 4\nn: .fill {self.rodata}, 1, 0xc0\n'
            f"{data}{bss}{uninit}{table if self.table else ''}{self.extra}\n"
        )


def kernel_source(system: System, plan: Plan, **changes: object) -> KernelSource:
    """The kernel that belongs to ``plan``."""
    return KernelSource(plan_symbols=(f"__lp_plan_{plan_hash(system, plan):016x}",), **changes)  # type: ignore[arg-type] # named by the caller


def link(name: str, script: Path, objects: list[Path], out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a linker as cargo would, with the magic number that keeps ELF headers out of flash."""
    command = [linker(name), "--nmagic", "--gc-sections", "-T", str(script), *flags, *map(str, objects), "-o", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
