"""Where privileged code could enter a component: direct branches, address pairs and stored function addresses.

The kernel may start a component only through the region table's entries. A component that captured a kernel's call
(``memcpy``, ``__aeabi_*``) would run privileged, and no register would stop it. Direct branches and address
constructions are decoded from the kernel's text; in data, words that equal the address of a component's function. The
bounds of a block are addresses that the kernel may know: on Arm a function's address is odd and differs from them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up, subtract
from layoutplan.check.code.thumb import branch_target, signed
from layoutplan.check.elf.image import SHF_EXECINSTR, STT_FUNC, ElfImage
from layoutplan.check.image.code import code_ranges
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.image.rules import CONSTRUCTORS
from layoutplan.check.switch.table import SECTION as TABLE
from layoutplan.model.access import Kind, Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

_TABLES = (TABLE, ".lp.init", ".vector_table", *CONSTRUCTORS)
"""Checked word by word by rules of their own."""


_READ = (
    *("LP_STATIC", "LP_DYNAMIC", "LP_DYNAMIC_CFG", "LP_GRANTS", "LP_SOFTWARE"),
    *("LP_TASKS", "LP_ENTRIES", "LP_INTERRUPTS"),
)
_BOUNDS = ("__lp_init_start", "__lp_init_end")
_FIRST_STACK = "__lp_kernel_stack_end"
"""On RISC-V start-up code loads it; on Arm the vector table holds it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An address that the kernel's ``section`` names at ``at``: in a branch, or as a value."""

    section: str
    at: int
    target: int
    branches: bool


def kernel_references(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Every way from the kernel into a component's code that is no declared entry, and a table that nothing reads."""
    owners = [(block.used, block.name) for block in parts.blocks if block.kind is Kind.CODE]
    arm = system.target.machine is Machine.ARM
    functions = {symbol.value for symbol in image.symbols if symbol.type == STT_FUNC}
    functions = {value for value in functions if any(value & ~arm in range_ for range_, _ in owners)}
    functions -= {range_.base for range_, _ in owners}
    tables = {name: symbol.value for name in _READ if (symbol := image.symbol(name)) is not None and symbol.size}
    bounds = _BOUNDS if arm else (*_BOUNDS, _FIRST_STACK)
    tables |= {name: symbol.value for name in bounds if (symbol := image.symbol(name)) is not None}
    named: set[int] = set()
    # Without isolation the kernel calls tasks like any function, from a table that has no section of its own.
    watched = functions if system.unit is not UnitName.NONE else set()
    for reference in _references(image, parts, arm=arm):
        where = reference.target & ~arm
        owner = next((name for range_, name in owners if where in range_), None)
        if owner is not None and (reference.branches or reference.target in watched):
            how = "calls" if reference.branches else "names the function at"
            yield Finding(
                rule="kernel-references",
                partition="kernel",
                range=AddressRange.of(reference.at, 4),
                message=f"the kernel's `{reference.section}` {how} {where:#010x} in `{owner}`",
            )
        named.add(reference.target)
    for name, address in tables.items():
        if address not in named:
            message = f"nothing in the kernel names `{name}`: what runs goes by something else than what is proved"
            yield Finding(rule="kernel-references", partition="kernel", message=message)


def _references(image: ElfImage, parts: ImageParts, *, arm: bool) -> Iterator[Reference]:
    for section in parts.kernel:
        data = image.contents(section)
        if data is None or section.name.startswith(_TABLES):
            continue
        code = [] if not section.flags & SHF_EXECINSTR else list(code_ranges(image, section))
        for run in code:
            chunk = data[run.base - section.address : run.end - section.address]
            for at, target, branches in _thumb(run.base, chunk) if arm else _riscv(run.base, chunk):
                yield Reference(section.name, at, target, branches)
        for gap in subtract(section.range, code):
            start = align_up(gap.base, 4)
            count = max(gap.end - start, 0) // 4
            for index, word in enumerate(
                struct.unpack_from(f"<{count}I", data, min(start - section.address, len(data)))
            ):
                yield Reference(section.name, start + 4 * index, word, branches=False)


def _thumb(base: int, data: bytes) -> Iterator[tuple[int, int, bool]]:
    """(address, target, whether it branches) of direct branches and of MOVW, MOVT pairs (Armv7-M ARM, A7.7)."""
    low: dict[int, int] = {}
    halves = struct.unpack_from(f"<{len(data) // 2}H", data)
    count, index = len(halves), 0
    while index < count:
        first = halves[index]
        at = base + 2 * index
        index += 1
        if first < 0xE800:
            if first >= 0xE000:  # B, encoding T2
                yield at, at + 4 + signed((first & 0x7FF) << 1, 12), True
            elif first & 0xF800 == 0x4800:  # LDR from the literal pool: the pool's words are read as data
                low.pop(first >> 8 & 7, None)
            continue
        if index == count:
            return
        second = halves[index]
        index += 1
        if first & 0xF800 != 0xF000:
            continue
        if second >> 15:
            target = branch_target(at, first, second)
            if target is not None:
                yield at, target, True
        elif first & 0xFB70 == 0xF240:
            immediate = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
            register = second >> 8 & 0xF
            if not first & 0x80:  # MOVW
                low[register] = immediate
                yield at, immediate, False
            elif register in low:  # MOVT
                yield at, immediate << 16 | low.pop(register), False


def _riscv(base: int, data: bytes) -> Iterator[tuple[int, int, bool]]:
    """(address, target, whether it branches) of JAL, and of AUIPC or LUI with what adds the low bits."""
    high: dict[int, int] = {}
    at = 0
    while at + 4 <= len(data):
        (word,) = struct.unpack_from("<I", data, at)
        if word & 3 != 3:
            if word & 0xE003 == 0x6001 and word >> 7 & 0x1F != 2:  # C.LUI
                bits = (word >> 12 & 1) << 17 | (word >> 2 & 0x1F) << 12
                high[word >> 7 & 0x1F] = signed(bits, 18) & 0xFFFF_FFFF
            at += 2
            continue
        opcode, destination, source = word & 0x7F, word >> 7 & 0x1F, word >> 15 & 0x1F
        if opcode == 0x6F:  # JAL
            bits = word >> 31 << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            yield base + at, base + at + signed(bits, 21), True
        elif opcode in (0x17, 0x37):  # AUIPC, LUI
            high[destination] = (word & 0xFFFF_F000) + (base + at if opcode == 0x17 else 0) & 0xFFFF_FFFF
            yield base + at, high[destination], False
        elif opcode in (0x67, 0x13) and source in high and not word >> 12 & 7:  # JALR, ADDI
            yield base + at, high[source] + signed(word >> 20, 12) & 0xFFFF_FFFF, opcode == 0x67
        at += 4
