"""Relocation sections, as far as sealing reads them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.model.access import Machine
from layoutplan.objects import RelocatableObject, Section, SectionType, Symbol

_REL, _RELA = struct.Struct("<II"), struct.Struct("<IIi")

_WORD = 4
_ALIGN = 43
"""R_RISCV_ALIGN: a linker deletes some of the bytes that its addend counts, and fills the others with no-operations."""
UNBOUNDED = 1 << 32
"""Of a relocation that patches as far as the bytes say that it finds there."""
_WIDTHS = {
    # AAELF32, table of relocation codes: R_ARM_NONE; ABS8, THM_ABS5, THM_PC8, ABS16, THM_JUMP6, 8 and 11, ALU_ABS_G0
    # to G3, which are in one halfword; the 64-bit ones do not occur in a 32-bit object.
    Machine.ARM: {0: 0, 8: 1} | dict.fromkeys((5, 7, 11, 52, 102, 103, 132, 133, 134, 135), 2),
    # RISC-V ELF psABI, table of relocation types: NONE, RELAX; 64, CALL, CALL_PLT, ADD64, SUB64; ADD8, SUB8, SUB6,
    # SET6, SET8; ADD16, SUB16, RVC_BRANCH, RVC_JUMP, RVC_LUI, SET16.
    Machine.RISCV: {0: 0, 51: 0}
    | dict.fromkeys((2, 18, 19, 36, 40), 8)
    | dict.fromkeys((33, 37, 52, 53, 54), 1)
    | dict.fromkeys((34, 38, 44, 45, 46, 55), 2)
    # SET_ULEB128 and SUB_ULEB128 go on behind each byte with bit 7 set, which other relocations may have set.
    | dict.fromkeys((60, 61), UNBOUNDED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """One row: where in its section, how many bytes it patches, and the number of its symbol (0: none)."""

    offset: int
    width: int
    symbol: int


def target_of(found: RelocatableObject, section: Section) -> Section | None:
    """The section that takes memory and is patched by ``section``; ``None`` where it is none."""
    if not 0 < section.info < len(found.elf.sections):
        return None
    target = found.elf.sections[section.info]
    return target if target.allocated and target.type not in (SectionType.REL, SectionType.RELA) else None


def relocations(found: RelocatableObject) -> Iterator[tuple[Section, Relocation]]:
    """Every row, with the section that holds it."""
    widths = _WIDTHS[found.machine]
    for section in found.elf.sections:
        if section.type not in (SectionType.REL, SectionType.RELA):
            continue
        layout = _REL if section.type == SectionType.REL else _RELA
        content = found.elf.content(section)
        for row in layout.iter_unpack(content[: len(content) - len(content) % layout.size]):
            # ELF32_R_SYM and ELF32_R_TYPE
            width = widths.get(row[1] & 0xFF, _WORD)
            if found.machine is Machine.RISCV and row[1] & 0xFF == _ALIGN:
                width = row[2] if len(row) == 3 and row[2] >= 0 else UNBOUNDED
            yield section, Relocation(offset=row[0], width=width, symbol=row[1] >> 8)


def open_names(found: RelocatableObject) -> tuple[frozenset[str], frozenset[str]]:
    """The undefined names that a relocation of an allocated section uses, and those that nothing uses."""
    used = frozenset(symbol.name for symbol in _referenced(found) if symbol.undefined and symbol.name)
    return used, found.undefined - used


def _referenced(found: RelocatableObject) -> Iterator[Symbol]:
    for section, row in relocations(found):
        if target_of(found, section) is not None and 0 < row.symbol <= len(found.elf.symbols):
            yield found.elf.symbols[row.symbol - 1]
