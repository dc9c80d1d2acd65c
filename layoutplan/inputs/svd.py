"""Reads peripherals and interrupts from a CMSIS-SVD file, the vendors' own description of a chip.

Source: CMSIS-SVD schema 1.3.10: ``baseAddress``, ``addressBlock`` (offset, size), ``derivedFrom``, ``interrupt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.objectfiles import read_file

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 64 << 20
"""The largest SVD files of vendors have about 10 MiB."""

_NUMBER = re.compile(r"\+?(?:0[xX]([0-9A-Fa-f]{1,16})|(?:#|0b)([01]{1,64})|([0-9]{1,20}))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Svd:
    """Peripherals by lower-case name, each as maximal ranges, ascending; interrupts by name as the file has it."""

    peripherals: Mapping[str, tuple[AddressRange, ...]]
    interrupts: Mapping[str, int]


NONE = Svd(peripherals={}, interrupts={})
"""What is known without an SVD file."""


def read_svd(path: Path) -> Svd:
    """The file's peripherals and interrupts. ``BadInput`` for what is no SVD file, with every broken peripheral."""
    from xml.etree import ElementTree

    data = read_file(path)
    if len(data) > MAX_BYTES:
        raise BadInput([_fault(path, f"{len(data)} bytes is more than {MAX_BYTES}")])
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        # LookupError: an encoding that Python does not have.
        raise BadInput([_fault(path, f"not XML: {error}")]) from None
    if root.tag != "device":
        raise BadInput([_fault(path, f"the file describes a <{_short(root.tag)}> and not a <device>")])
    faults: list[Fault] = []
    rows = {_text(row, "name"): row for row in root.iterfind("peripherals/peripheral")}
    peripherals: dict[str, tuple[AddressRange, ...]] = {}
    interrupts: dict[str, int] = {}
    for name, row in rows.items():
        try:
            peripherals[name.lower()] = merge(_blocks(row, rows))
            interrupts |= _interrupts(row)
        except ValueError as error:
            faults.append(_fault(path, f"peripheral `{_short(name)}`: {error}"))
    if faults:
        raise BadInput(faults)
    return Svd(peripherals=peripherals, interrupts=interrupts)


def _blocks(row: Element, rows: Mapping[str, Element]) -> Iterator[AddressRange]:
    base = _number(row, "baseAddress")
    # A derived peripheral has the blocks of its model unless it brings its own; a model may be derived itself.
    model, seen = row, {id(row)}
    while model.find("addressBlock") is None:
        parent = rows.get(model.get("derivedFrom", ""))
        if parent is None or id(parent) in seen:
            raise ValueError("no address block, and nothing to derive one from")
        seen.add(id(parent))
        model = parent
    for block in model.iterfind("addressBlock"):
        start, size = base + _number(block, "offset"), _number(block, "size")
        if not 0 < size <= ADDRESS_SPACE_END - start:
            raise ValueError(f"an address block of {size:#x} bytes at {start:#x} is not in the address space")
        yield AddressRange.of(start, size)


def _interrupts(row: Element) -> dict[str, int]:
    return {_text(interrupt, "name"): _number(interrupt, "value") for interrupt in row.iterfind("interrupt")}


def _text(row: Element, tag: str) -> str:
    return (row.findtext(tag) or "").strip()


def _number(row: Element, tag: str) -> int:
    written = _text(row, tag)
    match = _NUMBER.fullmatch(written)
    if match is None:
        raise ValueError(f"<{tag}> is {_short(written)!r} and not a number")
    hexadecimal, binary, decimal = match.groups()
    if hexadecimal:
        return int(hexadecimal, 16)
    return int(binary, 2) if binary else int(decimal)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def _fault(path: Path, message: str) -> Fault:
    hint = "name the vendor's CMSIS-SVD file unchanged, or describe what is needed as [peripheral] tables"
    return Fault(code="bad-svd", message=message, where=str(path), hint=hint)
