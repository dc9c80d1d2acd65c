"""Good images patched by an attacker who knows the rules: a second story for the programmer, or for start-up.

Every one of them was once proved to be good.
"""

from __future__ import annotations

from layoutplan.check.image_sabotage import ImageSabotage
from layoutplan.check.reference_image import Image, Piece


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


FORGERIES: tuple[ImageSabotage, ...] = (
    ImageSabotage(name="a table in the shadow of another", rule="loaded-bytes", breaks=_shadow_table),
    ImageSabotage(name="loaded code of no section", rule="loaded-bytes", breaks=_stowaway, alone=True),
    ImageSabotage(name="the kernel's code loaded elsewhere", rule="loaded-bytes", breaks=_code_elsewhere, alone=True),
    ImageSabotage(name="the kernel's data not copied", rule="loaded-bytes", breaks=_never_copied, alone=True),
    ImageSabotage(name="constants without bytes", rule="loaded-bytes", breaks=_emptied, alone=True),
)
