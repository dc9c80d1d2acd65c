"""The region table of a good image broken one way each: its words, its shape, where it is and who reads it."""

from __future__ import annotations

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import SHF_WRITE
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import ARM7, ARM8, PMP
from layoutplan.check.sabotage.reference_image import SET_VECTORS
from layoutplan.check.sabotage.writer import Image, Piece

ROW = 8
"""Bytes of a pair."""


def _row(partition: str, row: int) -> int:
    return (reference.PARTITIONS.index(partition) * reference.DYNAMIC + row) * ROW


def _swapped_slots(image: Image) -> None:
    """Two regions change places: what is permitted stays."""
    first, second = _row("uart", 0), _row("uart", 1)
    low = 0x1F if image.word("LP_STATIC", 0) & 0x10 else 0
    for half, kept in ((0, low), (4, 0)):
        a, b = image.word("LP_DYNAMIC", first + half), image.word("LP_DYNAMIC", second + half)
        image.patch("LP_DYNAMIC", first + half, b & ~kept | a & kept)
        image.patch("LP_DYNAMIC", second + half, a & ~kept | b & kept)


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


TABLES: tuple[ImageSabotage, ...] = (
    ImageSabotage(
        name="a table that nothing reads",
        rule="kernel-references",
        partition="kernel",
        breaks=_table_unread,
        alone=True,
    ),
    ImageSabotage(
        name="the table's words twice", rule="table", breaks=_table_twice, touching=".lp.region_table", alone=True
    ),
    ImageSabotage(
        name="an interrupt that wakes another",
        rule="interrupts",
        partition="uart",
        breaks=_foreign_interrupt,
        alone=True,
    ),
    ImageSabotage(
        name="regions in other slots than planned",
        rule="as-planned",
        partition="uart",
        breaks=_swapped_slots,
        units=(*ARM7, *ARM8),
        against_plan=True,
        alone=True,
    ),
    ImageSabotage(
        name="a writable table", rule="table", breaks=_writable_table, touching=".lp.region_table", alone=True
    ),
    ImageSabotage(name="a table without a symbol", rule="table", breaks=_no_table, alone=True),
    ImageSabotage(name="two tables", rule="table", breaks=_two_tables, alone=True),
    ImageSabotage(name="a table in a component", rule="table", breaks=_table_in_component, touching=".lp.uart.text"),
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
        name="a grant wider than its region",
        rule="exactness",
        partition="uart",
        breaks=_grant_wider,
        touching=AddressRange.of(reference.UART.end, reference.UART.size),
        alone=True,
    ),
    ImageSabotage(
        name="another's pair", rule="isolation", partition="uart", breaks=_others_data, touching="attitude.data"
    ),
)
