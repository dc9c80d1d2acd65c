"""Where an image has instructions, and where its functions begin, by its symbols."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import STT_FUNC, ElfImage, Section


def code_ranges(image: ElfImage, section: Section) -> Iterator[AddressRange]:
    """Where the section holds instructions, by the mapping symbols ``$t``, ``$x`` and ``$d``; all of it without any.

    Only by its own: a component's object may bring one that is absolute, or that counts from another section.
    """
    home = next(index for index, other in enumerate(image.sections) if other is section)
    marks = {
        symbol.value: symbol.name[1] != "d"
        for symbol in image.symbols
        if symbol.section == home and symbol.name[:2] in ("$t", "$x", "$d") and symbol.value in section.range
    }
    marks.setdefault(section.address, True)
    base = None
    for address in sorted(marks):
        if marks[address] and base is None:
            base = address
        elif not marks[address] and base is not None:
            yield AddressRange(base, address)
            base = None
    if base is not None:
        yield AddressRange(base, section.range.end)


def is_marked(image: ElfImage, section: Section) -> bool:
    """Whether mapping symbols tell the section's code from its data."""
    return any(s.name[:2] in ("$t", "$x", "$d") and s.value in section.range for s in image.symbols)


def functions(image: ElfImage, section: Section) -> list[AddressRange]:
    """The section cut where functions begin."""
    starts = {s.value & ~1 for s in image.symbols if s.type == STT_FUNC and s.value & ~1 in section.range}
    edges = sorted({section.address, *starts, section.range.end})
    return [AddressRange(low, high) for low, high in pairwise(edges)]
