"""Where privileged code could enter a component: direct branches, address pairs and stored function addresses.

The kernel may start a component only through the region table's entries. A component that captured a kernel's call
(``memcpy``, ``__aeabi_*``) would run privileged, and no register would stop it. Direct branches and address
constructions are decoded from the kernel's text; in data, words that equal the address of a component's function. The
bounds of a block are addresses that the kernel may know: on Arm a function's address is odd and differs from them.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator

from layoutplan.address import AddressRange
from layoutplan.check.elf_image import SHF_EXECINSTR, STT_FUNC, ElfImage, Section
from layoutplan.check.image_parts import ImageParts
from layoutplan.check.image_rules import CONSTRUCTORS
from layoutplan.model.access import Kind, Machine
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

_TABLES = (".lp.region_table", ".lp.init", ".vector_table", *CONSTRUCTORS)
"""Checked word by word by rules of their own."""


def kernel_references(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Every way from the kernel's text or data into a component's code that is not a declared entry."""
    owners = [(block.used, block.name) for block in parts.blocks if block.kind is Kind.CODE]
    arm = system.target.machine is Machine.ARM
    functions = {
        symbol.value
        for symbol in image.symbols
        if symbol.type == STT_FUNC and any(symbol.value & ~arm in range_ for range_, _ in owners)
    }
    functions -= {range_.base for range_, _ in owners}

    def into(address: int) -> str | None:
        return next((name for range_, name in owners if address in range_), None)

    def fault(section: Section, at: int, target: int, how: str) -> Finding:
        message = f"the kernel's `{section.name}` {how} {target:#010x} in `{into(target)}`"
        return Finding(rule="kernel-references", partition="kernel", range=AddressRange.of(at, 4), message=message)

    for section in parts.kernel:
        data = image.read(section.address, section.size)
        if data is None or section.name.startswith(_TABLES):
            continue
        for base, code in _runs(image, section, data):
            if not code:
                continue
            stop = _end(image, section, base)
            chunk = data[base - section.address : stop - section.address]
            for at, target, is_branch in _thumb(base, chunk) if arm else _riscv(base, chunk):
                if target in functions or (is_branch and into(target)):
                    yield fault(section, at, target & ~arm, "calls" if is_branch else "takes the address")
        for at in range(-section.address % 4, len(data) - 3, 4):
            (word,) = struct.unpack_from("<I", data, at)
            if word in functions and not _inside_code(image, section, section.address + at):
                yield fault(section, section.address + at, word & ~arm, "stores the address")


def _marks(image: ElfImage, section: Section) -> list[tuple[int, bool]]:
    """(address, whether code starts there) from the mapping symbols ``$t``, ``$x`` and ``$d``."""
    marks = [
        (symbol.value, symbol.name[1] != "d")
        for symbol in image.symbols
        if symbol.name[:2] in ("$t", "$x", "$d") and symbol.value in section.range
    ]
    if section.flags & SHF_EXECINSTR and (not marks or min(marks)[0] > section.address):
        marks.append((section.address, True))
    return sorted(marks)


def _runs(image: ElfImage, section: Section, data: bytes) -> Iterator[tuple[int, bool]]:
    if section.flags & SHF_EXECINSTR and data:
        yield from _marks(image, section)


def _end(image: ElfImage, section: Section, base: int) -> int:
    return next((address for address, _ in _marks(image, section) if address > base), section.range.end)


def _inside_code(image: ElfImage, section: Section, address: int) -> bool:
    marks = _marks(image, section) if section.flags & SHF_EXECINSTR else []
    index = bisect_right(marks, (address, True)) - 1
    return index >= 0 and marks[index][1]


def _thumb(base: int, data: bytes) -> Iterator[tuple[int, int, bool]]:
    """(address, target, whether it branches) of direct branches and of MOVW, MOVT pairs (Armv7-M ARM, A7.7)."""
    low: dict[int, int] = {}
    at = 0
    while at + 2 <= len(data):
        (first,) = struct.unpack_from("<H", data, at)
        if first >> 11 not in (0b11101, 0b11110, 0b11111) or at + 4 > len(data):
            if first >> 11 == 0b11100:  # B, encoding T2
                yield base + at, base + at + 4 + _signed((first & 0x7FF) << 1, 12), True
            at += 2
            continue
        (second,) = struct.unpack_from("<H", data, at + 2)
        immediate = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        register = second >> 8 & 0xF
        if first & 0xFBF0 == 0xF240 and not second >> 15:  # MOVW
            low[register] = immediate
        elif first & 0xFBF0 == 0xF2C0 and not second >> 15 and register in low:  # MOVT
            yield base + at, immediate << 16 | low.pop(register), False
        elif first >> 11 == 0b11110 and second >> 15:
            target = _thumb_branch(base + at, first, second)
            if target is not None:
                yield base + at, target, True
        at += 4


def _thumb_branch(address: int, first: int, second: int) -> int | None:
    sign = first >> 10 & 1
    j1, j2 = second >> 13 & 1, second >> 11 & 1
    if second >> 12 & 1:  # BL, or B encoding T4
        high = sign << 24 | (1 ^ j1 ^ sign) << 23 | (1 ^ j2 ^ sign) << 22
        return address + 4 + _signed(high | (first & 0x3FF) << 12 | (second & 0x7FF) << 1, 25)
    if second >> 14 & 1 or first >> 7 & 7 == 0b111:
        return None
    return address + 4 + _signed(sign << 20 | j2 << 19 | j1 << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1, 21)


def _riscv(base: int, data: bytes) -> Iterator[tuple[int, int, bool]]:
    """(address, target, whether it branches) of JAL, and of AUIPC or LUI with what adds the low bits."""
    high: dict[int, int] = {}
    at = 0
    while at + 4 <= len(data):
        (word,) = struct.unpack_from("<I", data, at)
        if word & 3 != 3:
            at += 2
            continue
        opcode, destination, source = word & 0x7F, word >> 7 & 0x1F, word >> 15 & 0x1F
        if opcode == 0x6F:  # JAL
            bits = word >> 31 << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
            yield base + at, base + at + _signed(bits, 21), True
        elif opcode in (0x17, 0x37):  # AUIPC, LUI
            high[destination] = (word & 0xFFFF_F000) + (base + at if opcode == 0x17 else 0)
        elif opcode in (0x67, 0x13) and source in high:  # JALR, ADDI
            yield base + at, high[source] + _signed(word >> 20, 12) & 0xFFFF_FFFF, opcode == 0x67
        at += 4


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 & 1 else value
