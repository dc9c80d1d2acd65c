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
from layoutplan.check.sabotage.plans import ARM
from layoutplan.check.sabotage.tables import TABLES
from layoutplan.check.sabotage.traps import TRAPS
from layoutplan.check.sabotage.writer import Image, Piece, movw_movt
from layoutplan.model.access import Access, Kind
from layoutplan.model.component import System
from layoutplan.model.memory import Memory, MemoryType


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


IMAGES: tuple[ImageSabotage, ...] = (
    *FORGERIES,
    *TRAPS,
    *MISLED,
    *TABLES,
    ImageSabotage(name="another machine", rule="machine", breaks=_other_machine, alone=True),
    ImageSabotage(
        name="code four bytes short",
        rule="sections",
        partition="shared:code",
        breaks=_code_short,
        touching=".lp.mixer.text",
        alone=True,
    ),
    ImageSabotage(
        name="code four bytes long",
        rule="sections",
        partition="shared:code",
        breaks=_code_long,
        touching=".lp.mixer.text",
    ),
    ImageSabotage(
        name="a component's section with the kernel",
        rule="sections",
        partition="uart",
        breaks=_component_leftover,
        touching=".lp.uart.rodata.str",
        alone=True,
    ),
    ImageSabotage(
        name="not in the memory asked for",
        rule="memory",
        partition="uart",
        breaks=lambda _: None,
        asks=_elsewhere,
        touching="uart.code",
        alone=True,
    ),
    ImageSabotage(
        name="two sections on the same bytes", rule="disjoint", breaks=_overlapping, touching=".noinit", alone=True
    ),
    ImageSabotage(
        name="an end symbol inside its block",
        rule="symbols",
        partition="mixer.data",
        breaks=_symbol_wrong,
        touching="mixer.data",
        alone=True,
    ),
    ImageSabotage(
        name="an end symbol over a neighbour",
        rule="symbols",
        partition="mixer.data",
        breaks=_symbol_grasping,
        touching="mixer.data",
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
    ImageSabotage(
        name="two segments at the same addresses", rule="loaded-bytes", breaks=_shadowed, touching=".shadow", alone=True
    ),
    ImageSabotage(
        name="the kernel in a reserve",
        rule="kernel-sections",
        partition="kernel",
        breaks=_kernel_in_reserve,
        touching=reference.RESERVE,
        alone=True,
    ),
    ImageSabotage(
        name="a load image where another reads",
        rule="load-image",
        partition="mixer",
        breaks=_image_with_attacker,
        touching="uart.code",
        alone=True,
    ),
    ImageSabotage(
        name="bytes loaded outside the memories",
        rule="loaded-bytes",
        breaks=_loaded_nowhere,
        touching=AddressRange.of(0x0900_0000, 0x10),
        alone=True,
    ),
    ImageSabotage(
        name="bytes loaded over others",
        rule="loaded-bytes",
        breaks=_loaded_twice,
        touching=AddressRange.of(reference.RAM.base + 0x600, 0x10),
        alone=True,
    ),
    ImageSabotage(
        name="a component's interrupt handler",
        rule="vectors",
        breaks=_handler,
        units=ARM,
        touching=".vector_table",
        alone=True,
    ),
    ImageSabotage(name="a component's entry point", rule="vectors", breaks=_entry_point, alone=True),
    ImageSabotage(
        name="a component's constructor", rule="constructors", breaks=_constructor, touching=".init_array", alone=True
    ),
    ImageSabotage(
        name="a task that starts in the kernel", rule="entries", partition="uart", breaks=_foreign_entry, alone=True
    ),
    ImageSabotage(name="a task on another's stack", rule="tasks", partition="uart", breaks=_foreign_stack, alone=True),
    ImageSabotage(
        name="a task in another's partition", rule="tasks", partition="uart", breaks=_foreign_partition, alone=True
    ),
    ImageSabotage(
        name="start-up zeroes too much",
        rule="init",
        partition="attitude",
        breaks=_init_elsewhere,
        touching="attitude.data",
        alone=True,
    ),
    ImageSabotage(
        name="data that nobody fills",
        rule="init",
        partition="mixer",
        breaks=_not_filled,
        touching="mixer.data",
        alone=True,
    ),
    ImageSabotage(
        name="another's bytes for a component's",
        rule="traced",
        partition="mixer",
        breaks=_folded_code,
        touching=".lp.mixer.text",
        alone=True,
    ),
    ImageSabotage(
        name="a call that a component captured",
        rule="kernel-references",
        partition="kernel",
        breaks=_captured_call,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(
        name="a component's function in a table",
        rule="kernel-references",
        partition="kernel",
        breaks=_stored_address,
        touching=".rodata",
        alone=True,
    ),
    ImageSabotage(
        name="a component's function in two halves",
        rule="kernel-references",
        partition="kernel",
        breaks=_built_address,
        units=ARM,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(name="table and script of two plans", rule="hash", breaks=_other_hash, alone=True),
)
