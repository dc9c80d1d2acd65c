"""Where privileged code could enter a component: direct branches, address pairs and stored function addresses.

The kernel may start a component only through the region table's entries. A component that captured a kernel's call
(``memcpy``, ``__aeabi_*``) would run privileged, and no register would stop it. Direct branches and address
constructions are decoded from the kernel's text; in data, words that equal the address of a component's function. The
bounds of a block are addresses that the kernel may know: on Arm a function's address is odd and differs from them.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Collection, Container, Iterator, Set
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up, subtract
from layoutplan.check.code.riscv import branch_offset, jump_offset
from layoutplan.check.code.thumb import branch_target, signed
from layoutplan.check.elf.image import SHF_EXECINSTR, STT_FUNC, ElfImage, Section
from layoutplan.check.image.code import code_ranges, is_marked
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.image.rules import CONSTRUCTORS
from layoutplan.check.switch.table import SECTION as TABLE
from layoutplan.model.access import Kind, Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

_TABLES = (TABLE, ".vector_table")
"""Checked word by word by rules of their own, as constructors are."""
_ROWS = ".lp.init"
"""Its addresses are what start-up writes to, not what it goes by."""
_WORD = 0xFFFF_FFFF


_READ = (
    *("LP_STATIC", "LP_DYNAMIC", "LP_DYNAMIC_CFG", "LP_GRANTS", "LP_SOFTWARE"),
    *("LP_TASKS", "LP_ENTRIES", "LP_INTERRUPTS"),
)
_BOUNDS = ("__lp_init_start", "__lp_init_end")
_COPIED = ("__lp_kernel_data_start", "__lp_kernel_data_end", "__lp_kernel_data_load")
_FIRST_STACK = "__lp_kernel_stack_end"
"""On RISC-V start-up code loads it; on Arm the vector table holds it."""


class How(enum.Enum):
    """What code does with an address. ``COMPUTED``: it branches there, unless the register was changed in between."""

    VALUE = "names the function at"
    BRANCH = "calls"
    COMPUTED = "may call"


@dataclass(frozen=True, slots=True)
class Reference:
    """An address that the kernel's ``section`` names at ``at``.

    ``surely``: mapping symbols say that it is an instruction.
    """

    section: str
    at: int
    target: int
    how: How
    surely: bool = False


def kernel_references(
    system: System, image: ElfImage, parts: ImageParts, functions: Collection[int] = ()
) -> Iterator[Finding]:
    """Every way from the kernel into a component's code that is no declared entry, and a table that nothing reads.

    ``functions`` are where components' functions were traced to, odd on Arm; those of the symbol table come on top.
    """
    owners = [(block.used, block.name) for block in parts.blocks if block.kind is Kind.CODE]
    arm = system.target.machine is Machine.ARM
    # What others can name a component's code by is a global; not every compiler says that it is a function.
    named_by = (s for s in image.symbols if s.type == STT_FUNC or (not s.local and not s.name.startswith("__lp_")))
    told = {*functions, *(symbol.value for symbol in named_by)}
    told = {value for value in told if any(value & ~arm in range_ for range_, _ in owners)}
    told -= {range_.base for range_, _ in owners}
    tables = {name: symbol.value for name in _READ if (symbol := image.symbol(name)) is not None and symbol.size}
    bounds = _BOUNDS if arm else (*_BOUNDS, _FIRST_STACK)
    bounds = (*bounds, *_COPIED) if _is_copied(image, parts) else bounds
    tables |= {name: symbol.value for name in bounds if (symbol := image.symbol(name)) is not None}
    code = [section.range for section in parts.kernel if section.flags & SHF_EXECINSTR]
    memories = [memory.range for memory in system.target.memories]
    named: set[int] = set()
    # Without isolation the kernel calls tasks like any function, from a table that has no section of its own.
    watched = told if system.unit is not UnitName.NONE else set()
    for reference in _references(image, parts, {*watched, *tables.values()}, arm=arm):
        where = reference.target & ~arm
        owner = next((name for range_, name in owners if where in range_), None)
        if owner is not None and (reference.how is not How.VALUE or reference.target in watched):
            yield Finding(
                rule="kernel-references",
                partition="kernel",
                range=AddressRange.of(reference.at, 4),
                message=f"the kernel's `{reference.section}` {reference.how.value} {where:#010x} in `{owner}`",
            )
        elif reference.how is How.BRANCH and reference.surely and _is_nowhere(where, memories, code):
            yield Finding(
                rule="kernel-references",
                partition="kernel",
                range=AddressRange.of(reference.at, 4),
                message=f"the kernel's `{reference.section}` branches to {where:#010x}, which is no code of the kernel",
            )
        if reference.section != _ROWS:
            named.add(reference.target)
    for name, address in tables.items():
        if address not in named:
            message = f"nothing in the kernel names `{name}`: what runs goes by something else than what is proved"
            yield Finding(rule="kernel-references", partition="kernel", message=message)


def _is_nowhere(address: int, memories: list[AddressRange], code: list[AddressRange]) -> bool:
    """Whether nothing at the address was read as code: a mask ROM outside the memories may be called."""
    return any(address in range_ for range_ in memories) and not any(address in range_ for range_ in code)


def _is_copied(image: ElfImage, parts: ImageParts) -> bool:
    """Whether the kernel has initial data that its start-up brings to where they run."""
    loads = ((section, image.load_address(section)) for section in parts.kernel)
    return any(load not in (None, section.address) for section, load in loads)


def _references(image: ElfImage, parts: ImageParts, values: Set[int], *, arm: bool) -> Iterator[Reference]:
    """Branches out of each run of code, and which of ``values`` stand in code or data."""
    symbol = image.symbol("__global_pointer$")
    pointer = None if symbol is None else symbol.value
    for section in parts.kernel:
        data = image.contents(section)
        if data is None or _checked_elsewhere(section):
            continue
        code = [] if not section.flags & SHF_EXECINSTR else list(code_ranges(image, section))
        marked = is_marked(image, section)
        for run in code:
            chunk = data[run.base - section.address : run.end - section.address]
            found = (
                thumb_references(run.base, chunk, values) if arm else riscv_references(run.base, chunk, values, pointer)
            )
            for at, target, how in found:
                yield Reference(section.name, at, target, how, marked)
        # Without the marks between code and data all of it may be either.
        for gap in subtract(section.range, code) if marked else [section.range]:
            start = align_up(gap.base, 4)
            count = max(gap.end - start, 0) // 4
            words = struct.unpack_from(f"<{count}I", data, min(start - section.address, len(data)))
            if not values.isdisjoint(words):
                for index, word in enumerate(words):
                    if word in values:
                        yield Reference(section.name, start + 4 * index, word, How.VALUE)


def _checked_elsewhere(section: Section) -> bool:
    return section.name in _TABLES or section.name.startswith(CONSTRUCTORS)


def thumb_references(base: int, data: bytes, values: Container[int]) -> Iterator[tuple[int, int, How]]:
    """(address, target, how) of direct branches out of ``data``, and of ``values`` in MOVW, MOVT, ADR.

    Armv7-M ARM, A7.7. What a function does inside itself is no reference.
    """
    low: dict[int, int] = {}
    halves = struct.unpack_from(f"<{len(data) // 2}H", data)
    count, index, end = len(halves), 0, base + len(data)
    while index < count:
        first = halves[index]
        at = base + 2 * index
        index += 1
        if first < 0xE800:
            target = base
            if first >= 0xE000:  # B, encoding T2
                target = at + 4 + signed((first & 0x7FF) << 1, 12)
            elif first >= 0xD000 and first < 0xDE00:  # B, encoding T1
                target = at + 4 + signed((first & 0xFF) << 1, 9)
            elif first & 0xF800 == 0x4800:  # LDR from the literal pool: the pool's words are read as data
                low.pop(first >> 8 & 7, None)
            elif first & 0xF800 == 0xA000:  # ADR
                if (value := (at + 4 & ~3) + 4 * (first & 0xFF)) in values:
                    yield at, value, How.VALUE
            elif first & 0xF500 == 0xB100:  # CBZ, CBNZ
                target = at + 4 + ((first >> 9 & 1) << 6 | (first >> 3 & 31) << 1)
            if not base <= target < end:
                yield at, target, How.BRANCH
            continue
        if index == count:
            return
        second = halves[index]
        index += 1
        if first & 0xF800 != 0xF000:
            continue
        if second >> 15:
            found = branch_target(at, first, second)
            if found is not None and not base <= found < end:
                yield at, found, How.BRANCH
        elif first & 0xFB70 == 0xF240:
            immediate = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
            register = second >> 8 & 0xF
            if not first & 0x80:  # MOVW
                low[register] = immediate
                if immediate in values:
                    yield at, immediate, How.VALUE
            elif register in low and (value := immediate << 16 | low.pop(register)) in values:  # MOVT
                yield at, value, How.VALUE
        elif first & 0xFBFF in (0xF20F, 0xF2AF):  # ADR, encodings T3 and T2
            immediate = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
            if (value := (at + 4 & ~3) + (-immediate if first & 0x80 else immediate)) in values:
                yield at, value, How.VALUE


def riscv_references(
    base: int, data: bytes, values: Container[int], pointer: int | None
) -> Iterator[tuple[int, int, How]]:
    """(address, target, how) of branches out of ``data``, and of ``values`` in AUIPC, LUI, ADDI.

    ``pointer`` is what x3 holds, from which a linker that relaxes counts.
    """
    high: dict[int, int] = {} if pointer is None else {3: pointer}
    halves = struct.unpack_from(f"<{len(data) // 2}H", data)
    count, index, end = len(halves), 0, base + len(data)
    fresh = before = -1
    while index < count:
        first = halves[index]
        at = base + 2 * index
        index += 1
        fresh, before = before, -1
        if first & 3 != 3:
            target, kind = base, first & 0xE003
            if kind == 0x0001 and first >> 7 & 31 in high:  # C.ADDI
                value = high[first >> 7 & 31] + signed(first >> 7 & 0x20 | first >> 2 & 31, 6) & _WORD
                if value in values:
                    yield at, value, How.VALUE
            elif kind == 0x6001:  # C.LUI, and C.ADDI16SP
                bits = (first >> 12 & 1) << 17 | (first >> 2 & 0x1F) << 12
                before = first >> 7 & 0x1F
                high[before] = signed(bits, 18) & _WORD
            elif kind in (0x2001, 0xA001):  # C.JAL, C.J
                target = at + jump_offset(first)
            elif kind in (0xC001, 0xE001):  # C.BEQZ, C.BNEZ
                target = at + branch_offset(first)
            elif kind == 0x8002 and not first & 0x7C and first >> 7 & 31 == fresh:  # C.JR, C.JALR
                target = high[fresh]
            if not base <= target < end:
                yield at, target, How.BRANCH
            continue
        if index == count:
            return
        word = first | halves[index] << 16
        index += 1
        opcode, destination, source = word & 0x7F, word >> 7 & 0x1F, word >> 15 & 0x1F
        if opcode == 0x6F:  # JAL
            bits = word >> 31 << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            target = at + signed(bits, 21)
            if not base <= target < end:
                yield at, target, How.BRANCH
        elif opcode in (0x17, 0x37):  # AUIPC, LUI
            before = destination
            high[destination] = (word & 0xFFFF_F000) + (at if opcode == 0x17 else 0) & _WORD
            if (value := high[destination]) in values:
                yield at, value, How.VALUE
        elif opcode in (0x67, 0x13) and source in high and not word >> 12 & 7:  # JALR, ADDI
            value = high[source] + signed(word >> 20, 12) & _WORD
            if opcode == 0x67:
                yield at, value, How.BRANCH if source == fresh else How.COMPUTED
            elif value in values:
                yield at, value, How.VALUE
        elif opcode == 0x63:
            bits = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1
            target = at + signed(bits, 13)
            if not base <= target < end:
                yield at, target, How.BRANCH
