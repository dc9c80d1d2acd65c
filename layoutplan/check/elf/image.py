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
ET_EXEC = 2
PT_LOAD = 1
SHT_SYMTAB, SHT_NOBITS = 2, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHN_UNDEF, SHN_LORESERVE, SHN_ABS = 0, 0xFF00, 0xFFF1
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 1, 2, 3, 4

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<8I")
SECTION = struct.Struct("<10I")
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
    """A symbol: value, size in bytes, type and section index; of its binding whether it is local or weak."""

    name: str
    value: int
    size: int
    type: int
    section: int
    local: bool
    weak: bool = False


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
    return Parser(data, name).image()


class Parser:
    """Reads one file's tables; whatever does not fit is ``BadInput``."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self._name = name

    def image(self) -> ElfImage:
        """The linked image."""
        data = self.data
        header = self.header()
        _, kind, machine, _, entry, ph_offset, sh_offset, _, _, ph_size, ph_count, sh_size, sh_count, names = header
        if kind != ET_EXEC:
            raise self.bad(f"e_type is {kind}, and an image is linked at fixed addresses: ET_EXEC, {ET_EXEC}")
        if machine not in (EM_ARM, EM_RISCV):
            raise self.bad(f"e_machine is {machine}, neither Arm ({EM_ARM}) nor RISC-V ({EM_RISCV})")
        if (ph_count and ph_size != _SEGMENT.size) or (sh_count and sh_size != SECTION.size):
            raise self.bad("program or section headers have another size than ELF32's")
        segments = self._segments(ph_offset, ph_count)
        raw = [SECTION.unpack_from(data, o) for o in self.table(sh_offset, sh_count, SECTION.size, "section")]
        return ElfImage(
            name=self._name,
            data=data,
            machine=machine,
            entry=entry,
            sections=self.sections(raw, names),
            segments=segments,
            symbols=self.symbols(raw),
        )

    def header(self) -> tuple[int, ...]:
        """The fields of the ELF header."""
        data = self.data
        if len(data) < _HEADER.size or data[:4] != b"\x7fELF":
            raise self.bad("not an ELF file")
        if data[4] != 1 or data[5] != 1:
            raise self.bad("not a 32-bit little-endian ELF file")
        return _HEADER.unpack_from(data)

    def _segments(self, offset: int, count: int) -> tuple[Segment, ...]:
        found = []
        for at in self.table(offset, count, _SEGMENT.size, "program"):
            kind, start, virtual, physical, file_size, memory_size, _, _ = _SEGMENT.unpack_from(self.data, at)
            if kind != PT_LOAD or memory_size == 0:
                continue
            self._within(start, file_size, "a PT_LOAD segment")
            if file_size > memory_size or virtual + memory_size > 1 << 32 or physical + file_size > 1 << 32:
                raise self.bad(f"the PT_LOAD segment at {virtual:#x} does not fit the address space or its own size")
            found.append(
                Segment(offset=start, virtual=virtual, physical=physical, file_size=file_size, memory_size=memory_size)
            )
        return tuple(found)

    def sections(self, raw: list[tuple[int, ...]], names: int) -> tuple[Section, ...]:
        """The section headers, with names from the table of that number."""
        if raw and names >= len(raw):
            raise self.bad("the section name table is not among the sections")
        found = []
        for name, kind, flags, address, offset, size, *_ in raw:
            if kind not in (0, SHT_NOBITS):
                self._within(offset, size, "a section")
            if flags & SHF_ALLOC and address + size > 1 << 32:
                raise self.bad(f"a section at {address:#x} of {size:#x} bytes ends above 2^32")
            text = self._string(raw[names], name)
            found.append(Section(name=text, type=kind, flags=flags, address=address, offset=offset, size=size))
        return tuple(found)

    def symbols(self, raw: list[tuple[int, ...]]) -> tuple[Symbol, ...]:
        """Every row of every symbol table."""
        found = []
        for header in raw:
            _, kind, _, _, offset, size, link, _, _, entry_size = header
            if kind != SHT_SYMTAB:
                continue
            if entry_size != _SYMBOL.size or link >= len(raw):
                raise self.bad("the symbol table's entries or its string table are not ELF32's")
            for at in self.table(offset, size // _SYMBOL.size, _SYMBOL.size, "symbol"):
                name, value, length, info, _, section = _SYMBOL.unpack_from(self.data, at)
                text = self._string(raw[link], name)
                found.append(
                    Symbol(
                        name=text,
                        value=value,
                        size=length,
                        type=info & 0xF,
                        section=section,
                        local=info >> 4 == 0,
                        weak=info >> 4 == 2,
                    )
                )
        return tuple(found)

    def _string(self, table: tuple[int, ...], index: int) -> str:
        offset, size = table[4], table[5]
        self._within(offset, size, "a string table")
        if index >= size:
            return ""
        end = self.data.find(b"\0", offset + index, offset + size)
        if end < 0:
            raise self.bad("a string does not end inside its table")
        return self.data[offset + index : end].decode("utf-8", "replace")

    def table(self, offset: int, count: int, size: int, what: str) -> range:
        """Where each row of a table is that fits the file."""
        self._within(offset, count * size, f"the {what} headers" if what != "symbol" else "the symbol table")
        return range(offset, offset + count * size, size)

    def _within(self, offset: int, size: int, what: str) -> None:
        if offset + size > len(self.data):
            raise self.bad(f"{what} of {size} bytes at {offset:#x} does not fit the file's {len(self.data)} bytes")

    def bad(self, message: str) -> BadInput:
        """What is wrong with the file, to be raised."""
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
