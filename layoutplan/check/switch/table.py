"""``region_table.rs`` as it is in the image: read through PT_LOAD at the symbols' addresses, shapes checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import AddressRange, subtract
from layoutplan.check.elf.image import SHF_WRITE, ElfImage
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import Words

SECTION = ".lp.region_table"
_OTHERS = ("LP_ENTRIES", "LP_SOFTWARE")
"""Tables that are read elsewhere."""
ALIGN = 8
"""Bytes that a table is aligned to at most: LP_HASH is a doubleword."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A row of ``LP_GRANTS``: what the kernel believes a pointer of the partition may reach."""

    partition: int
    start: int
    end: int
    rights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTable:
    """The words. ``dynamic`` is by partition, in the order of sorted names; ``addresses`` by symbol."""

    static: tuple[Words, ...]
    dynamic: tuple[tuple[Words, ...], ...]
    dynamic_cfg: tuple[tuple[int, ...], ...]
    """PMP only: whole pmpcfg words, by partition."""
    grants: tuple[Grant, ...]
    tasks: tuple[tuple[int, int, int], ...]
    interrupts: tuple[tuple[int, int], ...]
    hash: int
    addresses: dict[str, AddressRange]


def read_table(image: ElfImage, system: System) -> tuple[RegionTable | None, tuple[Finding, ...]]:
    """The table, or ``None`` with the findings that say why it cannot be read."""
    reader = _Reader(image)
    partitions = len(system.partitions)
    static = reader.rows("LP_STATIC", 2)
    dynamic = reader.rows("LP_DYNAMIC", 2)
    grants = reader.rows("LP_GRANTS", 4)
    tasks = reader.rows("LP_TASKS", 3)
    interrupts = reader.rows("LP_INTERRUPTS", 2)
    number = reader.rows("LP_HASH", 2)
    configs = reader.rows("LP_DYNAMIC_CFG", 1) if system.unit is UnitName.PMP else []
    if partitions and len(configs) % partitions:
        reader.fault(f"LP_DYNAMIC_CFG has {len(configs)} words, not a multiple of the {partitions} partitions")
    if partitions and len(dynamic) % partitions:
        reader.fault(f"LP_DYNAMIC has {len(dynamic)} pairs, not a multiple of the {partitions} partitions")
    if len(number) != 1:
        reader.fault("LP_HASH is not one doubleword")
    if reader.findings:
        return None, tuple(reader.findings)
    each = len(dynamic) // partitions if partitions else 0
    pairs = [(row[0], row[1]) for row in dynamic]
    each_cfg = len(configs) // partitions if partitions else 0
    return RegionTable(
        static=tuple((row[0], row[1]) for row in static),
        dynamic=tuple(tuple(pairs[i * each : (i + 1) * each]) for i in range(partitions)),
        dynamic_cfg=tuple(
            tuple(row[0] for row in configs[i * each_cfg : (i + 1) * each_cfg]) for i in range(partitions)
        ),
        grants=tuple(Grant(partition=row[0], start=row[1], end=row[2], rights=row[3]) for row in grants),
        tasks=tuple((row[0], row[1], row[2]) for row in tasks),
        interrupts=tuple((row[0], row[1]) for row in interrupts),
        hash=number[0][0] | number[0][1] << 32,
        addresses=reader.addresses,
    ), tuple(_placed(image, reader.addresses))


def read_software(image: ElfImage) -> tuple[list[tuple[int, ...]], tuple[Finding, ...]]:
    """The rows of ``LP_SOFTWARE`` (base, size, mask), and what is wrong with where they are."""
    reader = _Reader(image)
    rows = reader.rows("LP_SOFTWARE", 3)
    return rows, tuple(reader.findings) or tuple(_held(image, reader.addresses))


def _held(image: ElfImage, addresses: dict[str, AddressRange]) -> Iterator[Finding]:
    """Tables are in their section, where nothing can write them."""
    sections = [section for section in image.sections if section.name == SECTION and section.allocated]
    if len(sections) != 1:
        yield Finding(rule="table", message=f"{len(sections)} sections `{SECTION}` where there must be one")
        return
    if sections[0].flags & SHF_WRITE:
        yield Finding(rule="table", range=sections[0].range, message=f"`{SECTION}` is writable")
    for name, range_ in addresses.items():
        if not sections[0].range.contains(range_):
            yield Finding(rule="table", range=range_, message=f"`{name}` is not in `{SECTION}`")


def _placed(image: ElfImage, addresses: dict[str, AddressRange]) -> Iterator[Finding]:
    """The table is held, once, and nothing else is with it."""
    yield from _held(image, addresses)
    section = next((section for section in image.sections if section.name == SECTION and section.allocated), None)
    if section is None:
        return
    # A symbol's size is told by the symbol table alone; the kernel has the real one compiled in.
    others = [symbol for name in _OTHERS if (symbol := image.symbol(name)) is not None and symbol.size]
    told = [*addresses.values(), *(AddressRange.of(symbol.value, symbol.size) for symbol in others)]
    for gap in subtract(section.range, told):
        if gap.size >= ALIGN or any(image.read(gap.base, gap.size) or b""):
            yield Finding(rule="table", range=gap, message=f"{gap.size} B of `{SECTION}` are in no table")
    dynamic = addresses.get("LP_DYNAMIC")
    words = image.read(dynamic.base, dynamic.size) if dynamic else None
    if words and any(words):
        copies = sum(image.data[s.offset : s.offset + s.file_size].count(words) for s in image.segments)
        if copies != 1:
            message = f"the words of LP_DYNAMIC are in the image {copies} times: which of them does the switch read?"
            yield Finding(rule="table", range=dynamic, message=message)
    for first, second in ((a, b) for a in addresses for b in addresses if a < b):
        if addresses[first].overlaps(addresses[second]):
            yield Finding(rule="table", range=addresses[second], message=f"`{first}` and `{second}` overlap")


class _Reader:
    def __init__(self, image: ElfImage) -> None:
        self._image = image
        self.findings: list[Finding] = []
        self.addresses: dict[str, AddressRange] = {}

    def fault(self, message: str) -> None:
        self.findings.append(Finding(rule="table", message=message))

    def rows(self, name: str, width: int) -> list[tuple[int, ...]]:
        """The rows of ``width`` words at symbol ``name``; an empty table may have no bytes and no symbol's size."""
        symbol = self._image.symbol(name)
        if symbol is None:
            self.fault(f"the image has no symbol `{name}`: link it unstripped, with region_table.rs included once")
            return []
        if symbol.size % (4 * width):
            self.fault(f"`{name}` has {symbol.size} bytes, not rows of {4 * width}")
            return []
        if symbol.size == 0:
            return []
        words = self._image.words(symbol.value, symbol.size // 4)
        if words is None or symbol.value % 4:
            self.fault(f"`{name}` at {symbol.value:#010x} is in no PT_LOAD segment, or not aligned to words")
            return []
        self.addresses[name] = AddressRange.of(symbol.value, symbol.size)
        return [words[at : at + width] for at in range(0, len(words), width)]
