"""Good images broken one way each, with the rule that must say so. ``alone``: no other rule notices."""

from __future__ import annotations

import struct
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import EM_ARM, EM_RISCV, SHF_ALLOC, SHF_WRITE
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.forgery import FORGERIES
from layoutplan.check.sabotage.images import ImageSabotage as ImageSabotage
from layoutplan.check.sabotage.misled import MISLED
from layoutplan.check.sabotage.plans import ARM, ARM7, ARM8, PMP
from layoutplan.check.sabotage.reference_image import SET_VECTORS
from layoutplan.check.sabotage.traps import TRAPS
from layoutplan.check.sabotage.writer import Image, Piece, movw_movt
from layoutplan.model.access import Access, Kind
from layoutplan.model.component import System
from layoutplan.model.memory import Memory, MemoryType

ROW = 8
"""Bytes of a pair."""


def _row(partition: str, row: int) -> int:
    return (reference.PARTITIONS.index(partition) * reference.DYNAMIC + row) * ROW


def _other_machine(image: Image) -> None:
    image.machine = EM_ARM + EM_RISCV - image.machine


def _code_short(image: Image) -> None:
    piece = image.piece(".lp.mixer.text")
    piece.data, piece.size = piece.data[:-4], piece.size - 4


def _code_long(image: Image) -> None:
    piece = image.piece(".lp.mixer.text")
    piece.data, piece.size = piece.data + bytes(4), piece.size + 4
    image.symbols["__lp_shared_code_end"] = (image.symbols["__lp_shared_code_end"][0] + 4, 0)


def _component_leftover(image: Image) -> None:
    """A section of a component that no part took in: it lies with the kernel."""
    image.pieces.append(Piece(".lp.uart.rodata.str", 0x700, data=bytes(16)))


def _elsewhere(system: System) -> System:
    tcm = Memory(
        name="tcm", range=AddressRange.of(0x1000_0000, 0x1000), access=Access.RX, type=MemoryType.NORMAL_WRITE_BACK
    )
    target = replace(system.target, memories=(*system.target.memories, tcm))
    components = tuple(
        replace(c, memory={**c.memory, Kind.CODE: ("tcm",), Kind.RODATA: ("tcm",)}) if c.name == "uart" else c
        for c in system.components
    )
    return replace(system, target=target, components=components)


def _overlapping(image: Image) -> None:
    image.pieces.append(Piece(".noinit", reference.RAM.base + 0x500, size=0x40, flags=SHF_ALLOC | SHF_WRITE))


def _symbol_wrong(image: Image) -> None:
    value, size = image.symbols["__lp_mixer_data_end"]
    image.symbols["__lp_mixer_data_end"] = (value - 4, size)


def _symbol_grasping(image: Image) -> None:
    """A block's end symbol reaches over its neighbour."""
    value, size = image.symbols["__lp_attitude_data_start"]
    image.symbols["__lp_mixer_data_end"] = (value + 16, size)


def _not_thumb(image: Image) -> None:
    image.patch("LP_ENTRIES", 0, image.word("LP_ENTRIES", 0) & ~1)


def _shadowed(image: Image) -> None:
    """A second segment runs where the table does: which of them is there at run time?"""
    table = image.piece(".lp.region_table")
    image.pieces.append(Piece(".shadow", table.address, data=bytes(16), flags=0, load=0x2000))


def _kernel_in_reserve(image: Image) -> None:
    image.pieces.append(Piece(".dma", reference.RESERVE.base, size=0x40, flags=SHF_ALLOC | SHF_WRITE))


def _image_with_attacker(image: Image) -> None:
    """The victim's initial data wait in what the attacker may read."""
    piece = image.piece(".lp.mixer.data")
    code = image.piece(".lp.uart.rodata")
    piece.load = code.address + -(-code.size // 8) * 8
    start, end = image.symbols["__lp_init_start"][0], image.symbols["__lp_init_end"][0]
    for row in range(0, end - start, 16):
        if image.word("__lp_init_start", row + 4) == piece.address:
            image.patch("__lp_init_start", row, piece.load)


def _loaded_nowhere(image: Image) -> None:
    flags = SHF_ALLOC | SHF_WRITE
    image.pieces.append(Piece(".data", reference.RAM.base + 0x600, data=bytes(16), flags=flags, load=0x0900_0000))


def _loaded_twice(image: Image) -> None:
    flags = SHF_ALLOC | SHF_WRITE
    image.pieces.append(Piece(".data", reference.RAM.base + 0x600, data=bytes(16), flags=flags, load=0x40))


def _handler(image: Image) -> None:
    """A component's function serves an interrupt, privileged."""
    piece = image.piece(".vector_table")
    target = image.piece(".lp.uart.text").address | 1
    piece.data = piece.data[:12] + struct.pack("<I", target) + piece.data[16:]


def _entry_point(image: Image) -> None:
    image.entry = image.piece(".lp.uart.text").address | 1


def _constructor(image: Image) -> None:
    target = struct.pack("<I", image.piece(".lp.uart.text").address | 1)
    image.pieces.append(Piece(".init_array", 0x700, data=target))


def _foreign_entry(image: Image) -> None:
    image.patch("LP_ENTRIES", 8, 0x41)


def _foreign_stack(image: Image) -> None:
    image.patch("LP_TASKS", 24, image.word("LP_TASKS", 0))


def _foreign_partition(image: Image) -> None:
    image.patch("LP_TASKS", 12 * 2 + 8, 0)


def _init_elsewhere(image: Image) -> None:
    """Start-up zeroes from one block into the next."""
    image.patch("__lp_init_start", 12, 0x1000)


def _not_filled(image: Image) -> None:
    start, end = image.symbols["__lp_init_start"][0], image.symbols["__lp_init_end"][0]
    address = image.piece(".lp.mixer.data").address
    for row in range(0, end - start, 16):
        if image.word("__lp_init_start", row + 4) == address:
            copied = image.word("__lp_init_start", row + 8)
            image.patch("__lp_init_start", row + 8, 0)
            image.patch("__lp_init_start", row + 12, image.word("__lp_init_start", row + 12) + copied)


def _other_hash(image: Image) -> None:
    image.patch("LP_HASH", 0, 1)


def _swapped_slots(image: Image) -> None:
    """Two regions change places: what is permitted stays."""
    first, second = _row("uart", 0), _row("uart", 1)
    low = 0x1F if image.word("LP_STATIC", 0) & 0x10 else 0
    for half, kept in ((0, low), (4, 0)):
        a, b = image.word("LP_DYNAMIC", first + half), image.word("LP_DYNAMIC", second + half)
        image.patch("LP_DYNAMIC", first + half, b & ~kept | a & kept)
        image.patch("LP_DYNAMIC", second + half, a & ~kept | b & kept)


def _folded_code(image: Image) -> None:
    """The linker took somebody else's bytes for a component's code."""
    mixer, attitude = image.piece(".lp.mixer.text"), image.piece(".lp.attitude.text")
    mixer.data = attitude.data


def _captured_call(image: Image) -> None:
    """The kernel calls a function of a component: a captured ``memcpy`` runs privileged."""
    text = image.piece(".text")
    offset = image.piece(".lp.uart.text").address + 0x10 - (text.address + 128)
    if image.machine == EM_ARM:
        value = offset - 4
        sign, low = value >> 24 & 1, value >> 1 & 0x7FF
        j1, j2 = 1 ^ (value >> 23 & 1) ^ sign, 1 ^ (value >> 22 & 1) ^ sign
        first = 0b11110 << 11 | sign << 10 | value >> 12 & 0x3FF
        code = struct.pack("<HH", first, 0xD000 | j1 << 13 | j2 << 11 | low)
    else:
        bits = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3FF) << 21 | (offset >> 11 & 1) << 20
        code = struct.pack("<I", bits | (offset >> 12 & 0xFF) << 12 | 1 << 7 | 0x6F)
    text.data = text.data[:128] + code + text.data[132:]


def _stored_address(image: Image) -> None:
    """A table of the kernel holds a component's function."""
    image.pieces.append(Piece(".rodata", 0x700, data=struct.pack("<I", image.symbols["mixer_main"][0])))


def _built_address(image: Image) -> None:
    """The kernel builds a component's function address with MOVW and MOVT."""
    text = image.piece(".text")
    text.data = text.data[:128] + movw_movt(image.symbols["uart_main"][0]) + text.data[136:]


def _table_unread(image: Image) -> None:
    """The kernel's code has the words in its instructions, and the table is for show."""
    text = image.piece(".text")
    text.data = bytes(SET_VECTORS) + text.data[SET_VECTORS:]


def _table_twice(image: Image) -> None:
    """A copy of the words: the proof is about one, the switch may read the other."""
    table = image.piece(".lp.region_table")
    value, size = image.symbols["LP_DYNAMIC"]
    words = table.data[value - table.address : value - table.address + size]
    image.pieces.append(Piece(".rodata", 0x1400, data=words))


def _foreign_interrupt(image: Image) -> None:
    image.patch("LP_INTERRUPTS", 4, 0)


def _writable_table(image: Image) -> None:
    image.piece(".lp.region_table").flags |= SHF_WRITE


def _no_table(image: Image) -> None:
    del image.symbols["LP_DYNAMIC"]


def _two_tables(image: Image) -> None:
    """A second table: which one does the switch read?"""
    image.pieces.append(Piece(".lp.region_table", 0x700, data=bytes(64)))


def _table_in_component(image: Image) -> None:
    image.symbols["LP_DYNAMIC"] = (image.piece(".lp.uart.text").address, image.symbols["LP_DYNAMIC"][1])


def _other_region(image: Image) -> None:
    """A flipped bit of REGION: an unused pair goes to a static slot, and the intended one stays stale."""
    offset = _row("uart", reference.DYNAMIC - 1)
    image.patch("LP_DYNAMIC", offset, image.word("LP_DYNAMIC", offset) & ~0xF)


def _not_valid(image: Image) -> None:
    """A cleared VALID: the pair goes to the slot that was written before it."""
    offset = _row("uart", reference.DYNAMIC - 1)
    image.patch("LP_DYNAMIC", offset, image.word("LP_DYNAMIC", offset) & ~0x10)


def _slot_forgotten(image: Image) -> None:
    """One static row less: a slot that neither boot nor the switch is meant to write."""
    value, size = image.symbols["LP_STATIC"]
    image.symbols["LP_STATIC"] = (value, size - ROW)


def _config_differs(image: Image) -> None:
    offset = _row("uart", reference.DYNAMIC - 1)
    image.patch("LP_DYNAMIC", offset + 4, 0x1B)


def _grant_wider(image: Image) -> None:
    """The kernel would accept pointers that the registers do not permit: a confused deputy."""
    last = image.symbols["LP_GRANTS"][1] - 16
    image.patch("LP_GRANTS", last + 8, image.word("LP_GRANTS", last + 8) + 32)


def _grant_unknown(image: Image) -> None:
    image.patch("LP_GRANTS", 12, 8)


def _others_data(image: Image) -> None:
    """A pair of one partition stands in another's rows."""
    low = 0x1F if image.word("LP_STATIC", 0) & 0x10 else 0
    free = _row("uart", reference.DYNAMIC - 1)
    for half, kept in ((0, low), (4, 0)):
        stolen = image.word("LP_DYNAMIC", _row("attitude", 2) + half)
        image.patch("LP_DYNAMIC", free + half, stolen & ~kept | image.word("LP_DYNAMIC", free + half) & kept)
    if "LP_DYNAMIC_CFG" in image.symbols:
        words = image.symbols["LP_DYNAMIC_CFG"][1] // 4 // len(reference.PARTITIONS)
        at = 4 * words * reference.PARTITIONS.index("uart") + (reference.DYNAMIC - 1) // 4 * 4
        shift = 8 * ((reference.DYNAMIC - 1) % 4)
        image.patch("LP_DYNAMIC_CFG", at, image.word("LP_DYNAMIC_CFG", at) | 0x1B << shift)


IMAGES: tuple[ImageSabotage, ...] = (
    *FORGERIES,
    *TRAPS,
    *MISLED,
    ImageSabotage(name="another machine", rule="machine", breaks=_other_machine, alone=True),
    ImageSabotage(
        name="code four bytes short", rule="sections", partition="shared:code", breaks=_code_short, alone=True
    ),
    ImageSabotage(name="code four bytes long", rule="sections", partition="shared:code", breaks=_code_long),
    ImageSabotage(
        name="a component's section with the kernel", rule="sections", breaks=_component_leftover, alone=True
    ),
    ImageSabotage(
        name="not in the memory asked for",
        rule="memory",
        partition="uart",
        breaks=lambda _: None,
        asks=_elsewhere,
        alone=True,
    ),
    ImageSabotage(name="two sections on the same bytes", rule="disjoint", breaks=_overlapping, alone=True),
    ImageSabotage(
        name="an end symbol inside its block", rule="symbols", partition="mixer.data", breaks=_symbol_wrong, alone=True
    ),
    ImageSabotage(
        name="an end symbol over a neighbour",
        rule="symbols",
        partition="mixer.data",
        breaks=_symbol_grasping,
        alone=True,
    ),
    ImageSabotage(
        name="an entry that is not Thumb",
        rule="entries",
        partition="attitude",
        breaks=_not_thumb,
        units=ARM,
        alone=True,
    ),
    ImageSabotage(name="two segments at the same addresses", rule="loaded-bytes", breaks=_shadowed, alone=True),
    ImageSabotage(
        name="the kernel in a reserve",
        rule="kernel-sections",
        partition="kernel",
        breaks=_kernel_in_reserve,
        alone=True,
    ),
    ImageSabotage(
        name="a load image where another reads",
        rule="load-image",
        partition="mixer",
        breaks=_image_with_attacker,
        alone=True,
    ),
    ImageSabotage(name="bytes loaded outside the memories", rule="loaded-bytes", breaks=_loaded_nowhere, alone=True),
    ImageSabotage(name="bytes loaded over others", rule="loaded-bytes", breaks=_loaded_twice, alone=True),
    ImageSabotage(name="a component's interrupt handler", rule="vectors", breaks=_handler, units=ARM, alone=True),
    ImageSabotage(name="a component's entry point", rule="vectors", breaks=_entry_point, alone=True),
    ImageSabotage(name="a component's constructor", rule="constructors", breaks=_constructor, alone=True),
    ImageSabotage(
        name="a task that starts in the kernel", rule="entries", partition="uart", breaks=_foreign_entry, alone=True
    ),
    ImageSabotage(name="a task on another's stack", rule="tasks", partition="uart", breaks=_foreign_stack, alone=True),
    ImageSabotage(
        name="a task in another's partition", rule="tasks", partition="uart", breaks=_foreign_partition, alone=True
    ),
    ImageSabotage(
        name="start-up zeroes too much", rule="init", partition="attitude", breaks=_init_elsewhere, alone=True
    ),
    ImageSabotage(name="data that nobody fills", rule="init", partition="mixer", breaks=_not_filled, alone=True),
    ImageSabotage(
        name="another's bytes for a component's", rule="traced", partition="mixer", breaks=_folded_code, alone=True
    ),
    ImageSabotage(
        name="a call that a component captured",
        rule="kernel-references",
        partition="kernel",
        breaks=_captured_call,
        alone=True,
    ),
    ImageSabotage(
        name="a component's function in a table",
        rule="kernel-references",
        partition="kernel",
        breaks=_stored_address,
        alone=True,
    ),
    ImageSabotage(
        name="a component's function in two halves",
        rule="kernel-references",
        partition="kernel",
        breaks=_built_address,
        units=ARM,
        alone=True,
    ),
    ImageSabotage(
        name="a table that nothing reads",
        rule="kernel-references",
        partition="kernel",
        breaks=_table_unread,
        alone=True,
    ),
    ImageSabotage(name="the table's words twice", rule="table", breaks=_table_twice, alone=True),
    ImageSabotage(
        name="an interrupt that wakes another",
        rule="interrupts",
        partition="uart",
        breaks=_foreign_interrupt,
        alone=True,
    ),
    ImageSabotage(name="table and script of two plans", rule="hash", breaks=_other_hash, alone=True),
    ImageSabotage(
        name="regions in other slots than planned",
        rule="as-planned",
        partition="uart",
        breaks=_swapped_slots,
        units=(*ARM7, *ARM8),
        against_plan=True,
        alone=True,
    ),
    ImageSabotage(name="a writable table", rule="table", breaks=_writable_table, alone=True),
    ImageSabotage(name="a table without a symbol", rule="table", breaks=_no_table, alone=True),
    ImageSabotage(name="two tables", rule="table", breaks=_two_tables, alone=True),
    ImageSabotage(name="a table in a component", rule="table", breaks=_table_in_component),
    ImageSabotage(name="a grant of no rights", rule="table", breaks=_grant_unknown),
    ImageSabotage(
        name="a pair for another slot",
        rule="transition",
        partition="uart",
        breaks=_other_region,
        units=ARM7,
        alone=True,
    ),
    ImageSabotage(name="a pair without VALID", rule="transition", partition="uart", breaks=_not_valid, units=ARM7),
    ImageSabotage(
        name="a slot that nobody writes",
        rule="transition",
        partition="uart",
        breaks=_slot_forgotten,
        units=(*ARM8, *PMP),
    ),
    ImageSabotage(
        name="pmpcfg told twice", rule="transition", partition="uart", breaks=_config_differs, units=PMP, alone=True
    ),
    ImageSabotage(
        name="a grant wider than its region", rule="exactness", partition="uart", breaks=_grant_wider, alone=True
    ),
    ImageSabotage(name="another's pair", rule="isolation", partition="uart", breaks=_others_data),
)
