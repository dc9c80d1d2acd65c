"""ELF files written without a linker: sections, symbols and relocations, and the few instructions in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from layoutplan.check.code.thumb import VTOR
from layoutplan.check.elf.image import ET_EXEC, SHF_ALLOC, SHN_ABS, SHN_UNDEF, STT_FUNC, STT_OBJECT
from layoutplan.check.elf.objects import ET_REL, SHT_RELA
from layoutplan.model.access import UnitName


@dataclass(slots=True)
class Piece:
    """One section: ``data`` or, for space, only ``size``. ``load`` is the load address where it is another.

    Without a name only a PT_LOAD segment. ``cleared`` are bytes behind ``data`` that a loader sets to zero.
    """

    name: str
    address: int
    data: bytes = b""
    size: int = 0
    flags: int = SHF_ALLOC
    load: int | None = None
    cleared: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or len(self.data)


@dataclass(slots=True)
class Image:
    """A writable image: sections and symbols (value, size), turned into ELF32 by :meth:`elf`."""

    machine: int
    entry: int
    kind: int = ET_EXEC
    pieces: list[Piece] = field(default_factory=list)
    symbols: dict[str, tuple[int, int]] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    homes: dict[str, str] = field(default_factory=dict)
    """Symbols of an object that count from a section: its name."""
    relocations: list[tuple[str, int, int, str, int]] = field(default_factory=list)
    """Section, offset in it, type, symbol, and the kind of row: SHT_REL or SHT_RELA."""

    def piece(self, name: str) -> Piece:
        """The section of that name."""
        return next(piece for piece in self.pieces if piece.name == name)

    def patch(self, symbol: str, offset: int, value: int) -> None:
        """Overwrite the word ``offset`` bytes from ``symbol``."""
        address = self.symbols[symbol][0] + offset
        piece = next(p for p in self.pieces if p.data and p.address <= address < p.address + len(p.data))
        at = address - piece.address
        piece.data = piece.data[:at] + struct.pack("<I", value) + piece.data[at + 4 :]

    def word(self, symbol: str, offset: int) -> int:
        """The word ``offset`` bytes from ``symbol``."""
        address = self.symbols[symbol][0] + offset
        piece = next(p for p in self.pieces if p.data and p.address <= address < p.address + len(p.data))
        (value,) = struct.unpack_from("<I", piece.data, address - piece.address)
        return int(value)

    def elf(self) -> bytes:
        """The file."""
        loads = [piece for piece in self.pieces if piece.data]
        offset = 52 + 32 * len(loads)
        body, program = b"", b""
        offsets: dict[int, int] = {}
        for piece in loads:
            at = offset + len(body)
            offsets[id(piece)] = at
            load = piece.address if piece.load is None else piece.load
            program += struct.pack(
                "<8I", 1, at, piece.address, load, len(piece.data), len(piece.data) + piece.cleared, 7, 1
            )
            body += piece.data
        names = b"\0"
        headers = struct.pack("<10I", *[0] * 10)
        named = [piece for piece in self.pieces if piece.name]
        order = [piece.name for piece in named]
        for piece in named:
            kind = 1 if piece.data else 8
            at = offsets.get(id(piece), offset)
            headers += struct.pack("<10I", len(names), kind, piece.flags, piece.address, at, piece.size, 0, 0, 1, 0)
            names += piece.name.encode() + b"\0"
        strings, table = b"\0", struct.pack("<IIIBBH", 0, 0, 0, 0, 0, 0)
        for name, (value, size) in self.symbols.items():
            kind = STT_FUNC if name in self.functions else STT_OBJECT
            nowhere = SHN_UNDEF if self.kind == ET_REL else SHN_ABS
            home = order.index(self.homes[name]) + 1 if name in self.homes else nowhere
            table += struct.pack("<IIIBBH", len(strings), value, size, 1 << 4 | kind, 0, home)
            strings += name.encode() + b"\0"
        count = len(named) + 1 + len(self.relocations)
        for section, place, relocation, symbol, kind in self.relocations:
            row = struct.pack("<II", place, (list(self.symbols).index(symbol) + 1) << 8 | relocation)
            row += struct.pack("<i", 0) if kind == SHT_RELA else b""
            at, size = offset + len(body), len(row)
            headers += struct.pack("<10I", 0, kind, 0, 0, at, size, count, order.index(section) + 1, 4, size)
            body += row
        for name, data, kind, link, size in (
            (".symtab", table, 2, count + 1, 16),
            (".strtab", strings, 3, 0, 0),
            (".shstrtab", b"", 3, 0, 0),
        ):
            at = offset + len(body)
            index = len(names)
            names += name.encode() + b"\0"
            payload = names if name == ".shstrtab" else data
            headers += struct.pack("<10I", index, kind, 0, 0, at, len(payload), link, 1, 4, size)
            body += payload
        header = struct.pack(
            "<16sHHIIIIIHHHHHH",
            b"\x7fELF\x01\x01\x01".ljust(16, b"\0"),
            self.kind,
            self.machine,
            1,
            self.entry,
            52,
            offset + len(body),
            0x0500_0000,
            52,
            32,
            len(loads),
            40,
            count + 3,
            count + 2,
        )
        return header + program + body + headers


def filler(part: str, size: int) -> bytes:
    """The bytes of a part: another pattern for each, so that one in another's place shows."""
    return bytes((sum(part.encode()) + 7 * index) & 0xFF for index in range(size))


def set_vectors(unit: UnitName, base: int) -> bytes:
    """The kernel says where traps enter: ``csrw mtvec, a0``, or a store of r0 to VTOR, which r1 holds."""
    if unit is UnitName.PMP:
        return code_naming(unit, base) + struct.pack("<I", 0x305 << 20 | 10 << 15 | 1 << 12 | 0x73)
    return movw_movt(base) + movw_movt(VTOR, register=1) + struct.pack("<H", 0x6008)


def code_naming(unit: UnitName, table: int) -> bytes:
    """The kernel names its table: LUI and ADDI on RISC-V, MOVW and MOVT on Arm, a literal where those are missing."""
    if unit is UnitName.PMP:
        low = (table & 0xFFF) << 20
        return struct.pack("<II", (table + 0x800 & ~0xFFF) | 10 << 7 | 0x37, low | 10 << 15 | 10 << 7 | 0x13)
    return movw_movt(table)


def movw_movt(value: int, register: int = 0) -> bytes:
    """MOVW and MOVT with the halves of ``value``, to r0 (Armv7-M ARM A7.7, encodings T3 and T1)."""

    def move(opcode: int, half: int) -> bytes:
        first = opcode | half >> 12 | (half >> 11 & 1) << 10
        return struct.pack("<HH", first, (half >> 8 & 7) << 12 | register << 8 | half & 0xFF)

    return move(0xF240, value & 0xFFFF) + move(0xF2C0, value >> 16)
