"""A linked image of the reference plan, written without a linker: what ``selftest`` breaks, one way at a time.

Code and constants are filler; the sections, symbols, load images, vectors and tables are those that the linker script
and ``region_table.rs`` make.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from layoutplan.check.code.thumb import VTOR
from layoutplan.check.elf.image import (
    EM_ARM,
    EM_RISCV,
    ET_EXEC,
    ET_REL,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_ABS,
    SHT_REL,
    SHT_RELA,
    STT_FUNC,
    STT_OBJECT,
)
from layoutplan.check.elf.relocated import R_ARM_ABS32, R_RISCV_32
from layoutplan.check.sabotage import reference
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Role
from layoutplan.model.plan import Plan

HASH = 0x0123_4567_89AB_CDEF
_SPACE = (Role.STACK, Role.BSS, Role.SHARE)
_VECTORS, _TEXT, _CONSTANTS, _TABLE, _INIT, _IMAGES, _DATA_IMAGE = 0x0, 0x40, 0x400, 0x800, 0xE00, 0x1000, 0x1800
COUNTER = 8
"""Where in its zeroed data each component has a variable that its code names."""
_DATA = reference.RAM.base + 0x700
SET_VECTORS = 0x1C0
"""Where in the kernel's code the base of the vectors is set."""


@dataclass(slots=True)
class Piece:
    """One section: ``data`` or, for space, only ``size``. ``load`` is the load address where it is another.

    Without a name only a PT_LOAD segment.
    """

    name: str
    address: int
    data: bytes = b""
    size: int = 0
    flags: int = SHF_ALLOC
    load: int | None = None

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
            program += struct.pack("<8I", 1, at, piece.address, load, len(piece.data), len(piece.data), 7, 1)
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
            home = order.index(self.homes[name]) + 1 if name in self.homes else SHN_ABS
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


def objects() -> dict[str, bytes]:
    """The sealed objects that the image was made of, by component: one section for each role.

    The code ends with the address of its own zeroed data, once as each machine's compilers ask for it.
    """
    made = {}
    for component in reference.system(UnitName.ARMV7M).components:
        sealed = Image(machine=EM_ARM, entry=0, kind=ET_REL)
        for section in component.sections:
            name, space = f"{component.name}.{section.role.value}", section.role in _SPACE
            data = b"" if space else filler(name, section.size)
            sealed.pieces.append(Piece(section.name, 0, data=data, size=section.size))
        text, bss = f".lp.{component.name}.text", f".lp.{component.name}.bss"
        sealed.symbols["counter"], sealed.homes["counter"] = (COUNTER, 4), bss
        for at, kind, rows in ((-8, R_ARM_ABS32, SHT_REL), (-4, R_RISCV_32, SHT_RELA)):
            piece = sealed.piece(text)
            piece.data = piece.data[: len(piece.data) + at] + bytes(4) + piece.data[len(piece.data) + at + 4 :]
            sealed.relocations.append((text, len(piece.data) + at, kind, "counter", rows))
        made[component.name] = sealed.elf()
    return made


def image(unit: UnitName) -> Image:
    """The image of the reference plan."""
    plan = reference.plan(unit)
    made = Image(machine=EM_RISCV if unit is UnitName.PMP else EM_ARM, entry=_TEXT | (unit is not UnitName.PMP))
    made.pieces += [
        Piece(".lp.kernel.stack", reference.RAM.base, size=0x400, flags=SHF_ALLOC | SHF_WRITE),
        Piece(".text", _TEXT, data=b"", size=0x200, flags=SHF_ALLOC | SHF_EXECINSTR),
        Piece(".rodata.kernel", _CONSTANTS, data=filler("kernel", 0x40)),
        Piece(".data", _DATA, data=filler("data", 0x40), flags=SHF_ALLOC | SHF_WRITE, load=_DATA_IMAGE),
        Piece(".bss", reference.RAM.base + 0x400, size=0x200, flags=SHF_ALLOC | SHF_WRITE),
    ]
    for name, value in (("start", reference.RAM.base), ("end", reference.RAM.base + 0x400)):
        made.symbols[f"__lp_kernel_stack_{name}"] = (value, 0)
    for name, value in (("start", _DATA), ("end", _DATA + 0x40), ("load", _DATA_IMAGE)):
        made.symbols[f"__lp_kernel_data_{name}"] = (value, 0)
    if unit is not UnitName.PMP:
        vectors = struct.pack("<16I", reference.RAM.base + 0x400, *[_TEXT + 2 * i | 1 for i in range(15)])
        made.pieces.append(Piece(".vector_table", _VECTORS, data=vectors))
    _parts(made, plan)
    for component in reference.PARTITIONS:
        counter = made.piece(f".lp.{component}.bss").address + COUNTER
        text = made.piece(f".lp.{component}.text")
        text.data = text.data[:-8] + struct.pack("<2I", counter, counter)
    _tables(made, unit, plan)
    tables = [value for name, (value, _) in made.symbols.items() if name in (*reference.TABLES, *reference.BOUNDS)]
    code = b"".join(code_naming(unit, table) for table in tables).ljust(SET_VECTORS, b"\0")
    code += set_vectors(unit, _TEXT if unit is UnitName.PMP else _VECTORS)
    made.piece(".text").data = code.ljust(0x200, b"\0")
    return made


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


def _parts(made: Image, plan: Plan) -> None:
    load, rows = _IMAGES, b""
    for placement in sorted(plan.placements, key=lambda p: (p.block.kind is Kind.SHARED, p.block.name)):
        if placement.block.kind is Kind.SHARED:
            made.symbols.setdefault("__lp_init_shared", (_INIT + 8 + len(rows), 0))
        stem = f"__lp_{placement.block.symbol}"
        made.symbols[f"{stem}_start"] = (placement.used.base, 0)
        made.symbols[f"{stem}_end"] = (placement.used.end, 0)
        zero_from = placement.granted.base
        copy = (0, 0, 0)
        for part in placement.block.parts:
            address = placement.granted.base + part.offset
            flags = SHF_ALLOC | (SHF_EXECINSTR if part.role is Role.TEXT else 0)
            flags |= SHF_WRITE if placement.memory == "ram" else 0
            name = f".lp.{part.name}"
            if part.role in _SPACE:
                made.pieces.append(Piece(name, address, size=part.size, flags=flags))
            else:
                at = load if part.role is Role.DATA else None
                made.pieces.append(Piece(name, address, data=filler(part.name, part.size), flags=flags, load=at))
            if part.role is Role.TEXT:
                made.symbols[f"{part.component}_main"] = (address | (made.machine == EM_ARM), part.size)
                made.functions.add(f"{part.component}_main")
            if part.role is Role.STACK:
                zero_from = address + part.size
            if part.role is Role.DATA:
                copy = (load, address, part.size)
                zero_from = address + part.size
                load += -(-part.size // 8) * 8
        if placement.memory == "ram":
            source, target, size = copy if copy[2] else (zero_from, zero_from, 0)
            rows += struct.pack("<4I", source, target, size, placement.granted.end - zero_from)
    made.pieces.append(Piece(".lp.init", _INIT, data=struct.pack("<Q", HASH) + rows))
    made.symbols["__lp_hash"] = (_INIT, 0)
    made.symbols["__lp_init_start"] = (_INIT + 8, 0)
    made.symbols["__lp_init_end"] = (_INIT + 8 + len(rows), 0)


def _tables(made: Image, unit: UnitName, plan: Plan) -> None:
    slots = plan.slots
    valid = unit in (UnitName.ARMV6M, UnitName.ARMV7M)

    def pairs(partition: str, first: int, count: int) -> bytes:
        chosen = plan.registers[partition][first : first + count]
        return b"".join(
            struct.pack("<2I", slot.words[0] | (0x10 | slot.index if valid else 0), slot.words[1]) for slot in chosen
        )

    static = pairs(reference.PARTITIONS[0], slots.first_static, slots.static)
    dynamic = b"".join(pairs(p, slots.first_dynamic, slots.dynamic) for p in reference.PARTITIONS)
    tables = {
        "LP_HASH": struct.pack("<Q", HASH),
        "LP_STATIC": static,
        "LP_DYNAMIC": dynamic,
        "LP_GRANTS": _grants(plan),
        "LP_TASKS": _tasks(plan),
        "LP_ENTRIES": _entries(plan, unit),
        "LP_INTERRUPTS": struct.pack("<2I", reference.INTERRUPT, reference.PARTITIONS.index("uart")),
    }
    if unit is UnitName.PMP:
        words = range(slots.first_dynamic // 4, (slots.first_dynamic + slots.dynamic + 3) // 4)
        tables["LP_DYNAMIC_CFG"] = b"".join(
            bytes(plan.registers[p][4 * word + byte].words[1] for byte in range(4))
            for p in reference.PARTITIONS
            for word in words
        )
    data = b""
    for name, rows in tables.items():
        made.symbols[name] = (_TABLE + len(data), len(rows))
        data += rows
    made.pieces.append(Piece(".lp.region_table", _TABLE, data=data))


def _grants(plan: Plan) -> bytes:
    rows = [
        (reference.PARTITIONS.index(name), p.granted.base, p.granted.end, int(access))
        for p in plan.placements
        for name, access in p.block.granted_to.items()
    ]
    rows += [
        (reference.PARTITIONS.index(g.partition), g.range.base, g.range.end, int(Access.RW)) for g in plan.peripherals
    ]
    return b"".join(struct.pack("<4I", *row) for row in sorted(rows))


def _tasks(plan: Plan) -> bytes:
    rows = b""
    for index, name in enumerate(reference.PARTITIONS):
        base = plan.placement(f"{name}.data").granted.base
        rows += struct.pack("<3I", base, base + reference.STACK, index)
    return rows


def _entries(plan: Plan, unit: UnitName) -> bytes:
    texts = {
        part.name: placement.granted.base + part.offset
        for placement in plan.placements
        for part in placement.block.parts
        if part.role is Role.TEXT
    }
    thumb = 0 if unit is UnitName.PMP else 1
    return struct.pack("<3I", *[texts[f"{name}.text"] | thumb for name in reference.PARTITIONS])
