"""A linked image of the reference plan, written without a linker: what ``selftest`` breaks, one way at a time.

Code and constants are filler; the sections, symbols, load images, vectors and tables are those that the linker script
and ``region_table.rs`` make.
"""

from __future__ import annotations

import struct

from layoutplan.check.elf.image import EM_ARM, EM_RISCV, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.reference_objects import SPACE, with_code
from layoutplan.check.sabotage.writer import Image, Piece, code_naming, filler, set_vectors
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Role
from layoutplan.model.plan import Plan

HASH = 0x0123_4567_89AB_CDEF
_VECTORS, _TEXT, _CONSTANTS, _TABLE, _INIT, _IMAGES, _DATA_IMAGE = 0x0, 0x100, 0x400, 0x800, 0xE00, 0x1000, 0x1800
_DATA = reference.RAM.base + 0x700
SET_VECTORS = 0x1C0
"""Where in the kernel's code the base of the vectors is set."""


def image(unit: UnitName, plan: Plan | None = None) -> Image:
    """The image of the reference plan, or of ``plan``, which differs in slots and in the size of flash alone."""
    plan = plan or reference.plan(unit)
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
        vectors = struct.pack("<34I", reference.RAM.base + 0x400, *[_TEXT + 2 * i | 1 for i in range(33)])
        made.pieces.append(Piece(".vector_table", _VECTORS, data=vectors))
    _parts(made, plan)
    _tables(made, unit, plan)
    tables = [value for name, (value, _) in made.symbols.items() if name in (*reference.TABLES, *reference.BOUNDS)]
    code = b"".join(code_naming(unit, table) for table in tables).ljust(SET_VECTORS, b"\0")
    code += set_vectors(unit, _TEXT if unit is UnitName.PMP else _VECTORS)
    made.piece(".text").data = code.ljust(0x200, b"\0")
    return with_code(made, unit)


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
            if part.role in SPACE:
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
