"""ELF32 little-endian structure: header, sections, symbols. Tables are found by type: their names may be empty.

Sources: System V ABI, chapter 4 (gABI); ELF for the Arm Architecture (AAELF32), section 5; RISC-V ELF psABI.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass, field

from layoutplan.address import is_power_of_two
from layoutplan.model.access import Machine
from layoutplan.objects.bounded import Bounded

_IDENT = b"\x7fELF"
_HEADER = struct.Struct("<16xHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")

_MACHINES = {40: Machine.ARM, 243: Machine.RISCV}
_SHN_UNDEF, _SHN_LORESERVE, _SHN_ABS, _SHN_COMMON, _SHN_XINDEX = 0, 0xFF00, 0xFFF1, 0xFFF2, 0xFFFF


class FileType(enum.IntEnum):
    """``e_type``."""

    RELOCATABLE = 1
    EXECUTABLE = 2


class SectionType(enum.IntEnum):
    """The values of ``sh_type`` that mean something here."""

    NULL = 0
    PROGBITS = 1
    SYMTAB = 2
    STRTAB = 3
    RELA = 4
    NOBITS = 8
    REL = 9
    INIT_ARRAY = 14
    FINI_ARRAY = 15
    PREINIT_ARRAY = 16
    GROUP = 17
    SYMTAB_SHNDX = 18
    ARM_EXIDX = 0x7000_0001
    ATTRIBUTES = 0x7000_0003
    """``SHT_ARM_ATTRIBUTES`` and ``SHT_RISCV_ATTRIBUTES`` have the same number."""


class SectionFlag(enum.IntFlag):
    """The bits of ``sh_flags`` that mean something here."""

    WRITE = 1
    ALLOC = 2
    EXECINSTR = 4
    MERGE = 0x10
    STRINGS = 0x20
    INFO_LINK = 0x40
    GROUP = 0x200
    TLS = 0x400
    COMPRESSED = 0x800
    RETAIN = 0x20_0000
    PURECODE = 0x2000_0000
    """``SHF_ARM_PURECODE``: code that is never read as data."""


class Binding(enum.IntEnum):
    """``ST_BIND``."""

    LOCAL = 0
    GLOBAL = 1
    WEAK = 2
    OTHER = 16
    """Not a value of the field, which has four bits: any other than those above, such as ``STB_GNU_UNIQUE``. Other
    objects may see such a symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section header. ``size`` and ``align`` in bytes, ``align`` at least one."""

    index: int
    name: str
    type: int
    flags: SectionFlag
    address: int
    offset: int
    size: int
    align: int
    link: int
    info: int

    @property
    def allocated(self) -> bool:
        """Whether it takes memory when the program runs."""
        return SectionFlag.ALLOC in self.flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One symbol. ``section`` is a section's index; ``None`` for undefined, absolute and common ones."""

    name: str
    value: int
    size: int
    binding: Binding
    type: int
    section: int | None
    undefined: bool = False
    common: bool = False

    @property
    def is_global(self) -> bool:
        """Whether other objects see it."""
        return self.binding is not Binding.LOCAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFile:
    """An ELF file whose tables were all found to lie inside it."""

    name: str
    type: FileType
    machine: Machine
    flags: int
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    data: bytes = field(repr=False)

    def content(self, section: Section) -> bytes:
        """The bytes of a section; none for ``NOBITS``."""
        if section.type == SectionType.NOBITS:
            return b""
        return self.data[section.offset : section.offset + section.size]

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)


_COMPILE = "compile it for a 32-bit little-endian Arm or RISC-V core"


def is_elf(data: bytes) -> bool:
    """Whether the file says that it is an ELF file."""
    return data.startswith(_IDENT)


def read_elf(data: bytes, name: str) -> ElfFile:
    """A 32-bit little-endian ELF file for Arm or RISC-V. ``BadInput`` with one fault when it is anything else."""
    file = Bounded(data, name)
    if not is_elf(data):
        raise file.fault("not-elf", "the file is not an ELF file", "name an ELF32 object file or image")
    ident = file.slice(0, 16, "ELF identification")
    if ident[4] != 1 or ident[5] != 1:
        width = {1: "32-bit", 2: "64-bit"}.get(ident[4], f"class {ident[4]}")
        order = {1: "little-endian", 2: "big-endian"}.get(ident[5], f"byte order {ident[5]}")
        text = f"a {width} {order} ELF file, and only 32-bit little-endian ones can be used"
        raise file.fault("wrong-elf", text, _COMPILE)
    # e_entry is not looked at: dissolved objects have had a 1 there.
    header = file.unpack(_HEADER, 0, "ELF header")
    e_type, e_machine, _, _, _, shoff, flags, ehsize, _, _, shentsize, shnum, shstrndx = header
    if e_machine not in _MACHINES:
        raise file.fault("wrong-machine", f"machine {e_machine} is neither Arm (40) nor RISC-V (243)", _COMPILE)
    if e_type not in (FileType.RELOCATABLE, FileType.EXECUTABLE):
        text = f"ELF type {e_type} is neither a relocatable object (1) nor an executable (2)"
        raise file.fault("wrong-elf", text, "name the compiler's .o or .a file, or the linked image")
    if ehsize < _HEADER.size:
        raise file.broken(f"an ELF header of {ehsize} bytes is shorter than {_HEADER.size}")
    sections = _sections(file, shoff, shentsize, shnum, shstrndx)
    return ElfFile(
        name=name,
        type=FileType(e_type),
        machine=_MACHINES[e_machine],
        flags=flags,
        sections=sections,
        symbols=_symbols(file, sections),
        data=data,
    )


def _sections(file: Bounded, shoff: int, shentsize: int, shnum: int, shstrndx: int) -> tuple[Section, ...]:
    if shoff == 0:
        return ()
    if shentsize != _SECTION.size:
        raise file.broken(f"section headers of {shentsize} bytes instead of {_SECTION.size}")
    first = file.unpack(_SECTION, shoff, "section header 0")
    if shnum == 0:
        shnum = first[5]  # gABI: the count is in the first header when it does not fit
    if shstrndx == _SHN_XINDEX:
        shstrndx = first[6]
    table = file.slice(shoff, shnum * _SECTION.size, f"section header table of {shnum} entries")
    rows = list(_SECTION.iter_unpack(table))
    start = end = 0
    if shstrndx != _SHN_UNDEF:
        if shstrndx >= len(rows):
            raise file.broken(f"section names are in section {shstrndx}, and there are {len(rows)}")
        start, end = _extent(file, rows[shstrndx], "the section names")
    return tuple(_section(file, index, row, start, end) for index, row in enumerate(rows))


def _extent(file: Bounded, row: tuple[int, ...], what: str) -> tuple[int, int]:
    offset, size = row[4], row[5]
    file.slice(offset, size, what)
    return offset, offset + size


def _section(file: Bounded, index: int, row: tuple[int, ...], names: int, names_end: int) -> Section:
    name_at, type_, flags, address, offset, size, link, info, align, _ = row
    what = f"section {index}"
    name = file.text(names, names_end, name_at, what) if names_end > names else ""
    what = f"section {index} `{name}`" if name else what
    if type_ not in (SectionType.NULL, SectionType.NOBITS) and size:
        file.slice(offset, size, what)
    if align and not is_power_of_two(align):
        raise file.broken(f"{what}: an alignment of {align} is not a power of two")
    return Section(
        index=index,
        name=name,
        type=type_,
        flags=SectionFlag(flags),
        address=address,
        offset=offset,
        size=0 if type_ == SectionType.NULL else size,
        align=align or 1,
        link=link,
        info=info,
    )


def _symbols(file: Bounded, sections: tuple[Section, ...]) -> tuple[Symbol, ...]:
    tables = [section for section in sections if section.type == SectionType.SYMTAB]
    if not tables:
        return ()
    if len(tables) > 1:
        raise file.broken(f"{len(tables)} symbol tables where an object has one")
    table = tables[0]
    if table.size % _SYMBOL.size:
        raise file.broken(f"a symbol table of {table.size} bytes is not made of {_SYMBOL.size}-byte entries")
    if table.link >= len(sections) or sections[table.link].type != SectionType.STRTAB:
        raise file.broken(f"the symbol table's names are in section {table.link}, which is no string table")
    strings = sections[table.link]
    names = (strings.offset, strings.offset + strings.size)
    extended = _extended_indices(file, sections, table)
    rows = _SYMBOL.iter_unpack(file.data[table.offset : table.offset + table.size])
    return tuple(
        _symbol(file, number, row, names, extended, len(sections)) for number, row in enumerate(rows) if number
    )


def _extended_indices(file: Bounded, sections: tuple[Section, ...], table: Section) -> tuple[int, ...]:
    for section in sections:
        if section.type == SectionType.SYMTAB_SHNDX and section.link == table.index:
            if section.size != table.size // _SYMBOL.size * 4:
                raise file.broken(f"section {section.index}: {section.size} bytes of indices do not fit the symbols")
            return struct.unpack_from(f"<{section.size // 4}I", file.data, section.offset)
    return ()


def _symbol(
    file: Bounded, number: int, row: tuple[int, ...], names: tuple[int, int], extended: tuple[int, ...], count: int
) -> Symbol:
    name_at, value, size, info, _, shndx = row
    name = file.text(*names, name_at, f"symbol {number}")
    section: int | None = shndx
    if shndx == _SHN_XINDEX and number < len(extended):
        section = extended[number]
    elif shndx == _SHN_UNDEF or shndx >= _SHN_LORESERVE:
        section = None
    if section is not None and section >= count:
        raise file.broken(f"symbol {number} `{name}` is in section {section}, and there are {count}")
    binding = info >> 4
    return Symbol(
        name=name,
        value=value,
        size=size,
        binding=Binding(binding) if binding in (0, 1, 2) else Binding.OTHER,
        type=info & 0xF,
        section=section,
        undefined=shndx == _SHN_UNDEF,
        common=shndx == _SHN_COMMON,
    )
