"""Good images patched by an attacker who knows the rules: a second story for the programmer, or for start-up.

Every one of them was once proved to be good.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import EM_ARM
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import ARM, PMP
from layoutplan.check.sabotage.reference_image import SET_VECTORS
from layoutplan.check.sabotage.writer import Image, Piece, code_naming, set_vectors
from layoutplan.model.access import UnitName
from layoutplan.model.component import System

FAR = 0x64A2
"""ISER + 4 * (FAR / 32) is 0xE000ED94."""


def _shadow_table(image: Image) -> None:
    """The programmer writes a wider region to the table's address; the table that sections speak of goes elsewhere."""
    table = image.piece(".lp.region_table")
    image.pieces.append(Piece("", 0x6000_0000, data=table.data, load=table.address))
    table.load = 0x2_0000


def _stowaway(image: Image) -> None:
    """Code that no section speaks of, in memory that nobody owns."""
    image.pieces.append(Piece("", 0x2_0000, data=b"\x70\x47" * 8))


def _table_cleared(image: Image) -> None:
    """A loader of ELF files clears the table behind the constants before it."""
    image.piece(".rodata.kernel").cleared = 0x600


def _code_elsewhere(image: Image) -> None:
    """What is written to the kernel's code is not what runs there."""
    image.piece(".text").load = 0x2_0000


def _never_copied(image: Image) -> None:
    """Initial data of the kernel that its start-up does not copy."""
    image.symbols["__lp_kernel_data_load"] = (image.symbols["__lp_kernel_data_load"][0] + 8, 0)


def _emptied(image: Image) -> None:
    """Constants that the headers call space: the memory keeps what it held before."""
    piece = image.piece(".rodata.kernel")
    piece.data = b""


def call_mixer_kernel(image: Image) -> None:
    """The symbols of a partition that has the kernel's name in its own."""
    for name in [name for name in image.symbols if name.startswith("__lp_mixer_")]:
        image.symbols[name.replace("mixer", "kernel_mixer")] = image.symbols.pop(name)


def asks_for_kernel_mixer(system: System) -> System:
    """The same system, with that partition's name."""

    def named(name: str) -> str:
        return "kernel-mixer" if name == "mixer" else name

    return replace(
        system,
        partitions=tuple(replace(p, name=named(p.name)) for p in system.partitions),
        components=tuple(replace(c, partition=named(c.partition)) for c in system.components),
        tasks=tuple(replace(t, partition=named(t.partition)) for t in system.tasks),
    )


def _image_with_namesake(image: Image) -> None:
    """Initial data wait where a partition may change them, whose name begins as the kernel's does."""
    call_mixer_kernel(image)
    victim, room = image.piece(".lp.uart.data"), image.piece(".lp.mixer.bss")
    victim.load = -(-(room.address + room.size) // 4) * 4
    image.symbols["__lp_kernel_mixer_data_end"] = (victim.load + victim.size, 0)
    image.patch("__lp_init_start", _row_of(image, victim.address), victim.load)


def _row_of(image: Image, address: int) -> int:
    """Where in LP_INIT the row is that begins at ``address``."""
    start, end = image.symbols["__lp_init_start"][0], image.symbols["__lp_init_end"][0]
    return next(row for row in range(0, end - start, 16) if image.word("__lp_init_start", row + 4) == address)


def _copies_on(image: Image) -> None:
    """Start-up copies on, into the next partition's initial data."""
    row = _row_of(image, image.piece(".lp.attitude.data").address)
    image.patch("__lp_init_start", row + 8, image.word("__lp_init_start", row + 8) + 8)
    image.patch("__lp_init_start", row + 12, image.word("__lp_init_start", row + 12) - 8)


def _leaves_out(image: Image) -> None:
    """The last bytes that regions expose keep what they held."""
    row = _row_of(image, image.piece(".lp.uart.data").address)
    image.patch("__lp_init_start", row + 12, image.word("__lp_init_start", row + 12) - 4)


def _from_the_kernel(image: Image) -> None:
    """Zeroes are asked for in the kernel's own data."""
    row = image.symbols["__lp_init_end"][0] - image.symbols["__lp_init_start"][0]
    piece = image.piece(".lp.init")
    piece.data += struct.pack("<4I", 0, image.piece(".bss").address, 0, 16)
    piece.size += 16
    image.symbols["__lp_init_end"] = (image.symbols["__lp_init_start"][0] + row + 16, 0)


def _share_cleared(image: Image) -> None:
    """A partition that restarts clears what others are using."""
    image.symbols["__lp_init_shared"] = image.symbols["__lp_init_end"]


def _fills_a_stack(image: Image) -> None:
    """What start-up copies for the kernel goes on to the end of a partition's stack, and with it what others load."""
    unit = UnitName.ARMV7M if image.machine == EM_ARM else UnitName.PMP
    text, before = image.piece(".text"), image.symbols["__lp_kernel_data_end"][0]
    stack = image.piece(".lp.attitude.stack")
    end = stack.address + stack.size
    text.data = text.data.replace(code_naming(unit, before), code_naming(unit, end))
    image.symbols["__lp_kernel_data_end"] = (end, 0)


def _first_stack(image: Image) -> None:
    """The core's first stack is a partition's block."""
    vectors = image.piece(".vector_table")
    vectors.data = struct.pack("<I", image.piece(".lp.uart.bss").address & ~7) + vectors.data[4:]


def _stack_in_block(image: Image) -> None:
    """The symbol that start-up takes its stack from lies in a partition's block."""
    top = image.piece(".lp.uart.data").address & ~7
    text, before = image.piece(".text"), image.symbols["__lp_kernel_stack_end"][0]
    text.data = text.data.replace(code_naming(UnitName.PMP, before), code_naming(UnitName.PMP, top))
    image.symbols["__lp_kernel_stack_start"], image.symbols["__lp_kernel_stack_end"] = (top - 0x400, 0), (top, 0)


def _far_interrupt(image: Image) -> None:
    """A number whose enable bit is in another register of the core: MPU_CTRL, say."""
    image.patch("LP_INTERRUPTS", 0, FAR)


def _asks_for_far_interrupt(system: System) -> System:
    components = (replace(c, interrupts=(FAR,)) if c.interrupts else c for c in system.components)
    return replace(system, components=tuple(components))


def _size_told_wrong(image: Image) -> None:
    """The symbol table has fewer grants than the kernel's code."""
    table = image.piece(".lp.region_table")
    table.data += struct.pack("<4I", 0, 0x2000_0000, 0x2001_0000, 3)
    table.size += 16


def _vectors_moved(image: Image) -> None:
    """The core finds other words at its vectors."""
    vectors = image.piece(".vector_table")
    image.pieces.append(Piece(".rodata.first", vectors.address, data=bytes(64)))
    vectors.address = 0x700
    text, told = image.piece(".text"), set_vectors(UnitName.ARMV7M, vectors.address)
    text.data = text.data[:SET_VECTORS] + told + text.data[SET_VECTORS + len(told) :]


def _init_unread(image: Image) -> None:
    """Symbols enclose good rows, and start-up goes by others."""
    init = image.piece(".lp.init")
    init.data += init.data[8:]
    init.size = len(init.data)
    size = image.symbols["__lp_init_end"][0] - image.symbols["__lp_init_start"][0]
    for name in ("start", "shared", "end"):
        image.symbols[f"__lp_init_{name}"] = (image.symbols[f"__lp_init_{name}"][0] + size, 0)


def _smuggled(image: Image) -> None:
    """A component's slack, which it may run, holds what is in no object of it."""
    text = image.piece(".lp.uart.text")
    text.data += image.piece(".lp.mixer.text").data[:0x20]
    text.size += 0x20
    rodata = image.piece(".lp.uart.rodata")
    rodata.address += 0x20
    image.symbols["__lp_uart_code_end"] = (image.symbols["__lp_uart_code_end"][0] + 0x20, 0)


def _asks_for_slack(system: System) -> System:
    components = (replace(c, slack=0x20) if c.name == "uart" else c for c in system.components)
    return replace(system, components=tuple(components))


FORGERIES: tuple[ImageSabotage, ...] = (
    ImageSabotage(
        name="a table in the shadow of another", rule="loaded-bytes", breaks=_shadow_table, touching=".lp.region_table"
    ),
    ImageSabotage(
        name="loaded code of no section",
        rule="loaded-bytes",
        breaks=_stowaway,
        touching=AddressRange.of(0x2_0000, 0x10),
        alone=True,
    ),
    ImageSabotage(
        name="a table that a loader clears",
        rule="loaded-bytes",
        breaks=_table_cleared,
        touching=".lp.region_table",
        alone=True,
    ),
    ImageSabotage(
        name="the kernel's code loaded elsewhere",
        rule="loaded-bytes",
        breaks=_code_elsewhere,
        touching=".text",
        alone=True,
    ),
    ImageSabotage(name="the kernel's data not copied", rule="loaded-bytes", breaks=_never_copied, touching=".data"),
    ImageSabotage(
        name="constants without bytes", rule="loaded-bytes", breaks=_emptied, touching=".rodata.kernel", alone=True
    ),
    ImageSabotage(
        name="a load image with the kernel's namesake",
        rule="load-image",
        partition="uart",
        breaks=_image_with_namesake,
        asks=asks_for_kernel_mixer,
        touching="mixer.data",
        alone=True,
    ),
    ImageSabotage(
        name="start-up copies another's data too",
        rule="init",
        partition="attitude",
        breaks=_copies_on,
        touching="attitude.data",
        alone=True,
    ),
    ImageSabotage(
        name="start-up leaves out the end",
        rule="init",
        partition="uart",
        breaks=_leaves_out,
        touching="uart.data",
        alone=True,
    ),
    ImageSabotage(name="start-up zeroes the kernel's data", rule="init", breaks=_from_the_kernel),
    ImageSabotage(
        name="the kernel's data go on into a stack",
        rule="init",
        partition="kernel",
        breaks=_fills_a_stack,
        touching="attitude.data",
        alone=True,
    ),
    ImageSabotage(
        name="a restart clears a share",
        rule="init",
        partition="shared:ring",
        breaks=_share_cleared,
        touching="shared:ring",
        alone=True,
    ),
    ImageSabotage(
        name="a first stack in a partition",
        rule="kernel-stack",
        partition="kernel",
        breaks=_first_stack,
        units=ARM,
        touching=".vector_table",
        alone=True,
    ),
    ImageSabotage(
        name="the kernel's stack in a partition",
        rule="kernel-stack",
        partition="kernel",
        breaks=_stack_in_block,
        units=PMP,
        touching="shared:ring",
        alone=True,
    ),
    ImageSabotage(
        name="an interrupt beyond the controller",
        rule="interrupts",
        breaks=_far_interrupt,
        asks=_asks_for_far_interrupt,
        alone=True,
    ),
    ImageSabotage(
        name="more rows than the symbol says",
        rule="table",
        breaks=_size_told_wrong,
        touching=".lp.region_table",
        alone=True,
    ),
    ImageSabotage(
        name="vectors behind others",
        rule="vectors",
        breaks=_vectors_moved,
        units=ARM,
        touching=".vector_table",
        alone=True,
    ),
    ImageSabotage(
        name="rows that start-up does not read",
        rule="kernel-references",
        partition="kernel",
        breaks=_init_unread,
        alone=True,
    ),
    ImageSabotage(
        name="another's code in the slack",
        rule="traced",
        partition="uart",
        breaks=_smuggled,
        asks=_asks_for_slack,
        touching=".lp.uart.text",
        alone=True,
    ),
)
