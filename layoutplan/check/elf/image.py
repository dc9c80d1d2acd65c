"""Linked ELF32 little-endian images, read from hostile bytes: sections, symbols, and memory as the loader makes it.

Every offset and count is checked against the file's length before it is used; what does not fit is one
:class:`BadInput`. Sizes are bounded by the file, so reading takes time and memory in proportion to it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput, Fault

EM_ARM, EM_RISCV = 40, 243
ET_REL, ET_EXEC = 1, 2
PT_LOAD = 1
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 2, 4, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_MERGE = 1, 2, 4, 0x10
SHN_UNDEF, SHN_LORESERVE, SHN_ABS = 0, 0xFF00, 0xFFF1
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 1, 2, 3, 4

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section header. ``size`` in bytes; ``offset`` into the file."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int

    @property
    def allocated(self) -> bool:
        """Whether it takes memory at run time."""
        return bool(self.flags & SHF_ALLOC) and self.size > 0

    @property
    def range(self) -> AddressRange:
        """Where it is at run time; only for sections of at least one byte."""
        return AddressRange.of(self.address, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A PT_LOAD header: ``file_size`` bytes from ``offset``, loaded at ``physical``, running at ``virtual``."""

    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int

    def holds(self, section: Section) -> bool:
        """Whether the section's bytes are this segment's, at the place that file and addresses agree on."""
        start = section.address - self.virtual
        return 0 <= start <= self.file_size - section.size and section.offset == self.offset + start


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A symbol with its binding dropped: value, size in bytes, type and section index."""

    name: str
    value: int
    size: int
    type: int
    section: int
    local: bool


@dataclass(frozen=True, kw_only=True)
class ElfImage:
    """A linked image."""

    name: str
    data: bytes
    machine: int
    entry: int
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]

    @cached_property
    def defined(self) -> dict[str, list[Symbol]]:
        """Defined symbols by name; several local ones may share a name."""
        found: dict[str, list[Symbol]] = {}
        for symbol in self.symbols:
            if symbol.section != SHN_UNDEF and symbol.name and symbol.type not in (STT_SECTION, STT_FILE):
                found.setdefault(symbol.name, []).append(symbol)
        return found

    def symbol(self, name: str) -> Symbol | None:
        """The one global symbol of that name, or ``None``."""
        found = [symbol for symbol in self.defined.get(name, ()) if not symbol.local]
        return found[0] if len(found) == 1 else None

    def section(self, name: str) -> Section | None:
        """The first section of that name, or ``None``."""
        return next((section for section in self.sections if section.name == name), None)

    def load_address(self, section: Section) -> int | None:
        """Where a programmer puts the section's bytes; ``None`` when no PT_LOAD segment holds them."""
        if section.type == SHT_NOBITS:
            return None
        holder = next((segment for segment in self.segments if segment.holds(section)), None)
        return None if holder is None else holder.physical + section.address - holder.virtual

    def contents(self, section: Section) -> bytes | None:
        """A section's bytes, wherever they are loaded; ``None`` when they are not."""
        if self.load_address(section) is None:
            return None
        return self.data[section.offset : section.offset + section.size]

    def file_offset(self, address: int, size: int) -> int | None:
        """Where in the file the ``size`` bytes are that a programmer writes at ``address``; ``None`` if none does."""
        for segment in self.segments:
            start = address - segment.physical
            if start >= 0 and start + size <= segment.file_size:
                return segment.offset + start
        return None

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes as a programmer writes them at ``address``, by p_paddr; ``None`` outside any PT_LOAD segment."""
        offset = self.file_offset(address, size)
        return None if offset is None else self.data[offset : offset + size]

    def words(self, address: int, count: int) -> tuple[int, ...] | None:
        """``count`` little-endian words from ``address``, or ``None``."""
        data = self.read(address, 4 * count)
        return None if data is None else struct.unpack(f"<{count}I", data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRelocation:
    """A field that the linker fills with ``value`` from the start of section ``section`` of the same object.

    ``section`` is 0 where another object defines the symbol; ``addend`` is ``None`` where the field itself holds it.
    """

    offset: int
    type: int
    section: int
    value: int
    addend: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSection:
    """An allocated section of a relocatable object: its number there; ``data`` is ``None`` for space."""

    index: int
    name: str
    size: int
    data: bytes | None
    merge: bool
    relocations: tuple[ObjectRelocation, ...]


def parse_object(data: bytes, name: str) -> tuple[ObjectSection, ...]:
    """The allocated sections of the relocatable object in ``data``; ``BadInput`` names ``name`` and what is wrong."""
    return _Parser(data, name).object_sections()


def read_image(path: Path) -> ElfImage:
    """Read a linked image; ``BadInput`` names what is wrong with the file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            [
                Fault(
                    code="unreadable",
                    message=f"cannot read the image: {error.strerror}",
                    where=str(path),
                    hint="name the linked ELF file",
                )
            ]
        ) from error
    return parse_image(data, str(path))


def parse_image(data: bytes, name: str) -> ElfImage:
    """The image in ``data``; ``BadInput`` names ``name`` and what is wrong."""
    return _Parser(data, name).image()


class _Parser:
    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name

    def image(self) -> ElfImage:
        data = self._data
        header = self._header()
        _, kind, machine, _, entry, ph_offset, sh_offset, _, _, ph_size, ph_count, sh_size, sh_count, names = header
        if kind != ET_EXEC:
            raise self._bad(f"e_type is {kind}, and an image is linked at fixed addresses: ET_EXEC, {ET_EXEC}")
        if machine not in (EM_ARM, EM_RISCV):
            raise self._bad(f"e_machine is {machine}, neither Arm ({EM_ARM}) nor RISC-V ({EM_RISCV})")
        if (ph_count and ph_size != _SEGMENT.size) or (sh_count and sh_size != _SECTION.size):
            raise self._bad("program or section headers have another size than ELF32's")
        segments = self._segments(ph_offset, ph_count)
        raw = [_SECTION.unpack_from(data, o) for o in self._table(sh_offset, sh_count, _SECTION.size, "section")]
        return ElfImage(
            name=self._name,
            data=data,
            machine=machine,
            entry=entry,
            sections=self._sections(raw, names),
            segments=segments,
            symbols=self._symbols(raw),
        )

    def object_sections(self) -> tuple[ObjectSection, ...]:
        header = self._header()
        kind, sh_offset, sh_size, sh_count, names = header[1], header[6], header[11], header[12], header[13]
        if kind != ET_REL or sh_size != _SECTION.size:
            raise self._bad(f"e_type is {kind}, not a relocatable object")
        at = self._table(sh_offset, sh_count, _SECTION.size, "section")
        raw = [_SECTION.unpack_from(self._data, offset) for offset in at]
        symbols = self._symbols(raw)
        relocations: dict[int, list[ObjectRelocation]] = {}
        for _, section_type, _, _, offset, size, _, target, _, _ in raw:
            if section_type in (SHT_REL, SHT_RELA):
                width = 8 if section_type == SHT_REL else 12
                for entry in self._table(offset, size // width, width, "symbol"):
                    place, info = struct.unpack_from("<II", self._data, entry)
                    if info >> 8 >= max(len(symbols), 1):
                        raise self._bad(f"a relocation names symbol {info >> 8} of {len(symbols)}")
                    symbol = symbols[info >> 8] if symbols else None
                    relocations.setdefault(target, []).append(
                        ObjectRelocation(
                            offset=place,
                            type=info & 0xFF,
                            section=symbol.section if symbol is not None and symbol.section < SHN_LORESERVE else 0,
                            value=symbol.value if symbol is not None else 0,
                            addend=None if width == 8 else struct.unpack_from("<i", self._data, entry + 8)[0],
                        )
                    )
        found = []
        for index, section in enumerate(self._sections(raw, names)):
            if section.flags & SHF_ALLOC:
                space = section.type == SHT_NOBITS
                found.append(
                    ObjectSection(
                        index=index,
                        name=section.name,
                        size=section.size,
                        data=None if space else self._data[section.offset : section.offset + section.size],
                        merge=bool(section.flags & SHF_MERGE),
                        relocations=tuple(relocations.get(index, ())),
                    )
                )
        return tuple(found)

    def _header(self) -> tuple[int, ...]:
        data = self._data
        if len(data) < _HEADER.size or data[:4] != b"\x7fELF":
            raise self._bad("not an ELF file")
        if data[4] != 1 or data[5] != 1:
            raise self._bad("not a 32-bit little-endian ELF file")
        return _HEADER.unpack_from(data)

    def _segments(self, offset: int, count: int) -> tuple[Segment, ...]:
        found = []
        for at in self._table(offset, count, _SEGMENT.size, "program"):
            kind, start, virtual, physical, file_size, memory_size, _, _ = _SEGMENT.unpack_from(self._data, at)
            if kind != PT_LOAD or memory_size == 0:
                continue
            self._within(start, file_size, "a PT_LOAD segment")
            if file_size > memory_size or virtual + memory_size > 1 << 32 or physical + file_size > 1 << 32:
                raise self._bad(f"the PT_LOAD segment at {virtual:#x} does not fit the address space or its own size")
            found.append(
                Segment(offset=start, virtual=virtual, physical=physical, file_size=file_size, memory_size=memory_size)
            )
        return tuple(found)

    def _sections(self, raw: list[tuple[int, ...]], names: int) -> tuple[Section, ...]:
        if raw and names >= len(raw):
            raise self._bad("the section name table is not among the sections")
        found = []
        for name, kind, flags, address, offset, size, *_ in raw:
            if kind not in (0, SHT_NOBITS):
                self._within(offset, size, "a section")
            if flags & SHF_ALLOC and address + size > 1 << 32:
                raise self._bad(f"a section at {address:#x} of {size:#x} bytes ends above 2^32")
            text = self._string(raw[names], name)
            found.append(Section(name=text, type=kind, flags=flags, address=address, offset=offset, size=size))
        return tuple(found)

    def _symbols(self, raw: list[tuple[int, ...]]) -> tuple[Symbol, ...]:
        found = []
        for header in raw:
            _, kind, _, _, offset, size, link, _, _, entry_size = header
            if kind != SHT_SYMTAB:
                continue
            if entry_size != _SYMBOL.size or link >= len(raw):
                raise self._bad("the symbol table's entries or its string table are not ELF32's")
            for at in self._table(offset, size // _SYMBOL.size, _SYMBOL.size, "symbol"):
                name, value, length, info, _, section = _SYMBOL.unpack_from(self._data, at)
                text = self._string(raw[link], name)
                found.append(
                    Symbol(name=text, value=value, size=length, type=info & 0xF, section=section, local=info >> 4 == 0)
                )
        return tuple(found)

    def _string(self, table: tuple[int, ...], index: int) -> str:
        offset, size = table[4], table[5]
        self._within(offset, size, "a string table")
        if index >= size:
            return ""
        end = self._data.find(b"\0", offset + index, offset + size)
        if end < 0:
            raise self._bad("a string does not end inside its table")
        return self._data[offset + index : end].decode("utf-8", "replace")

    def _table(self, offset: int, count: int, size: int, what: str) -> range:
        self._within(offset, count * size, f"the {what} headers" if what != "symbol" else "the symbol table")
        return range(offset, offset + count * size, size)

    def _within(self, offset: int, size: int, what: str) -> None:
        if offset + size > len(self._data):
            raise self._bad(f"{what} of {size} bytes at {offset:#x} does not fit the file's {len(self._data)} bytes")

    def _bad(self, message: str) -> BadInput:
        return BadInput(
            [
                Fault(
                    code="bad-elf",
                    message=message,
                    where=self._name,
                    hint="link again: the file is damaged or unfinished",
                )
            ]
        )
