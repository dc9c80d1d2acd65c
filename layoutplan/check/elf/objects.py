"""Sealed objects, read from hostile bytes: allocated sections, what relocations ask for, which symbols they define."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from layoutplan.check.elf.image import (
    SECTION,
    SHF_ALLOC,
    SHN_ABS,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHT_NOBITS,
    STT_FUNC,
    STT_SECTION,
    Parser,
    Symbol,
)

ET_REL = 1
SHT_RELA, SHT_REL = 4, 9
SHF_MERGE, SHF_STRINGS = 0x10, 0x20


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRelocation:
    """A field that the linker fills from ``symbol``; ``addend`` is ``None`` where the field itself holds it."""

    offset: int
    type: int
    symbol: Symbol
    addend: int | None

    @property
    def home(self) -> int:
        """The section of the same object that the symbol counts from; 0 where there is none."""
        return self.symbol.section if self.symbol.section < SHN_LORESERVE else SHN_UNDEF

    @property
    def absolute(self) -> bool:
        """Whether the symbol is a number and no place."""
        return self.symbol.section == SHN_ABS

    @property
    def by_section(self) -> bool:
        """Whether the addend says where in the section, not the symbol."""
        return self.symbol.type == STT_SECTION


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSection:
    """An allocated section of a relocatable object: its number there; ``data`` is ``None`` for space.

    ``merge`` is the size in bytes of the entries that a linker may merge with equal ones elsewhere, or 0; of strings
    that of a character.
    """

    index: int
    name: str
    size: int
    data: bytes | None
    merge: int
    strings: bool
    relocations: tuple[ObjectRelocation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFile:
    """A relocatable object: its allocated sections, the global symbols that it defines, and all of its functions."""

    sections: tuple[ObjectSection, ...]
    defined: tuple[Symbol, ...]
    functions: tuple[Symbol, ...]


def parse_object(data: bytes, name: str) -> ObjectFile:
    """The relocatable object in ``data``; ``BadInput`` names ``name`` and what is wrong."""
    parser = Parser(data, name)
    header = parser.header()
    kind, offset, size, count, names = header[1], header[6], header[11], header[12], header[13]
    if kind != ET_REL or size != SECTION.size:
        raise parser.bad(f"e_type is {kind}, not a relocatable object")
    raw = [SECTION.unpack_from(data, at) for at in parser.table(offset, count, SECTION.size, "section")]
    symbols = parser.symbols(raw)
    relocations: dict[int, list[ObjectRelocation]] = {}
    for row in raw:
        if row[1] in (SHT_REL, SHT_RELA):
            relocations.setdefault(row[7], []).extend(_relocations(parser, row, symbols))
    found = []
    for index, (section, row) in enumerate(zip(parser.sections(raw, names), raw, strict=True)):
        if section.flags & SHF_ALLOC:
            space = section.type == SHT_NOBITS
            found.append(
                ObjectSection(
                    index=index,
                    name=section.name,
                    size=section.size,
                    data=None if space else data[section.offset : section.offset + section.size],
                    merge=max(row[9], 1) if section.flags & SHF_MERGE else 0,
                    strings=bool(section.flags & SHF_STRINGS),
                    relocations=tuple(relocations.get(index, ())),
                )
            )
    defined = tuple(s for s in symbols if s.name and not s.local and s.section != SHN_UNDEF)
    functions = tuple(s for s in symbols if s.type == STT_FUNC and s.section != SHN_UNDEF)
    return ObjectFile(sections=tuple(found), defined=defined, functions=functions)


def _relocations(parser: Parser, row: tuple[int, ...], symbols: tuple[Symbol, ...]) -> list[ObjectRelocation]:
    width = 8 if row[1] == SHT_REL else 12
    found = []
    for entry in parser.table(row[4], row[5] // width, width, "symbol"):
        place, info = struct.unpack_from("<II", parser.data, entry)
        if info >> 8 >= len(symbols):
            raise parser.bad(f"a relocation names symbol {info >> 8} of {len(symbols)}")
        addend = None if width == 8 else struct.unpack_from("<i", parser.data, entry + 8)[0]
        found.append(ObjectRelocation(offset=place, type=info & 0xFF, symbol=symbols[info >> 8], addend=addend))
    return found
