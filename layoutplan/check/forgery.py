"""Good images patched by an attacker who knows the rules: a second story for the programmer, or for start-up.

Every one of them was once proved to be good.
"""

from __future__ import annotations

from dataclasses import replace

from layoutplan.check.image_sabotage import ImageSabotage
from layoutplan.check.reference_image import Image, Piece
from layoutplan.model.component import System


def _shadow_table(image: Image) -> None:
    """The programmer writes a wider region to the table's address; the table that sections speak of goes elsewhere."""
    table = image.piece(".lp.region_table")
    image.pieces.append(Piece("", 0x6000_0000, data=table.data, load=table.address))
    table.load = 0x2_0000


def _stowaway(image: Image) -> None:
    """Code that no section speaks of, in memory that nobody owns."""
    image.pieces.append(Piece("", 0x2_0000, data=b"\x70\x47" * 8))


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
    start, end = image.symbols["__lp_init_start"][0], image.symbols["__lp_init_end"][0]
    for row in range(0, end - start, 16):
        if image.word("__lp_init_start", row + 4) == victim.address:
            image.patch("__lp_init_start", row, victim.load)


FORGERIES: tuple[ImageSabotage, ...] = (
    ImageSabotage(name="a table in the shadow of another", rule="loaded-bytes", breaks=_shadow_table),
    ImageSabotage(name="loaded code of no section", rule="loaded-bytes", breaks=_stowaway, alone=True),
    ImageSabotage(name="the kernel's code loaded elsewhere", rule="loaded-bytes", breaks=_code_elsewhere, alone=True),
    ImageSabotage(name="the kernel's data not copied", rule="loaded-bytes", breaks=_never_copied, alone=True),
    ImageSabotage(name="constants without bytes", rule="loaded-bytes", breaks=_emptied, alone=True),
    ImageSabotage(
        name="a load image with the kernel's namesake",
        rule="load-image",
        partition="uart",
        breaks=_image_with_namesake,
        asks=asks_for_kernel_mixer,
        alone=True,
    ),
)
