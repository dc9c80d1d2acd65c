"""What a programmer writes into the memories: every loaded byte once, in one section, and where it runs or is copied.

A programmer goes by PT_LOAD and its physical addresses; sections and run-time addresses are what the other rules go by.
An image in which the two tell different stories would be proved in one and run in the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from layoutplan.address import AddressRange, subtract
from layoutplan.check.elf.image import SHT_NOBITS, ElfImage, Section, Segment
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.owners.physical import physical_ranges
from layoutplan.model.access import Access
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding

RULE = "loaded-bytes"


def loaded_bytes(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """Loaded bytes are in the target's memories, once, each in one section; sections are loaded where they run."""
    yield from _once(system, image)
    yield from _cleared(image)
    for segment in image.segments:
        yield from _strays(image, segment)
    copied = {id(section) for section in parts.sections.values()}
    for section in image.sections:
        if section.allocated:
            yield from _in_place(system, image, section, copied=id(section) in copied)


def _once(system: System, image: ElfImage) -> Iterator[Finding]:
    filled = [segment for segment in image.segments if segment.file_size]
    issued = [AddressRange.of(segment.physical, segment.file_size) for segment in filled]
    loads = [piece for load in issued for piece in physical_ranges(system.target.aliases, load)]
    runs = [AddressRange.of(segment.virtual, segment.file_size) for segment in filled]
    for ranges, message in (
        (loads, "two PT_LOAD segments load the same bytes"),
        (runs, "two PT_LOAD segments run at the same addresses: the table may be read through the other"),
    ):
        for first, second in pairwise(sorted(ranges)):
            overlap = first.intersection(second)
            if overlap:
                yield Finding(rule=RULE, range=overlap, message=message)
    memories = [memory.range for memory in system.target.memories]
    for load in issued:
        for outside in subtract(load, memories):
            yield Finding(rule=RULE, range=outside, message="bytes are loaded outside the target's memories")


def _cleared(image: ElfImage) -> Iterator[Finding]:
    """Who loads the ELF file itself clears a segment's memory beyond its bytes: never what others have there."""
    for segment in image.segments:
        if segment.memory_size == segment.file_size:
            continue
        cleared = AddressRange(segment.virtual + segment.file_size, segment.virtual + segment.memory_size)
        for section in image.sections:
            if section.allocated and section.type != SHT_NOBITS and section.range.overlaps(cleared):
                message = f"a PT_LOAD segment clears bytes of section `{section.name}`"
                yield Finding(rule=RULE, range=section.range.intersection(cleared), message=message)


def _strays(image: ElfImage, segment: Segment) -> Iterator[Finding]:
    """Bytes of a segment that no section has; a linker fills the gaps that alignment makes with zeros."""
    if not segment.file_size:
        return
    held = [
        AddressRange.of(section.offset, section.size)
        for section in image.sections
        if section.allocated and section.type != SHT_NOBITS and segment.holds(section)
    ]
    for gap in subtract(AddressRange.of(segment.offset, segment.file_size), held):
        if any(image.data[gap.base : gap.end]):
            where = AddressRange.of(segment.physical + gap.base - segment.offset, gap.size)
            yield Finding(rule=RULE, range=where, message="bytes are loaded that are in no section")


def _in_place(system: System, image: ElfImage, section: Section, *, copied: bool) -> Iterator[Finding]:
    """A section is loaded where it runs, unless start-up fills it: ``LP_INIT`` a part, the kernel its ``.data``."""
    home = next((memory for memory in system.target.memories if memory.range.contains(section.range)), None)
    writable = home is not None and Access.WRITE in home.access
    load = image.load_address(section)
    if section.type == SHT_NOBITS:
        if home is not None and not writable:
            message = f"section `{section.name}` has no bytes, and nothing can fill it in `{home.name}`"
            yield Finding(rule=RULE, range=section.range, message=message)
    elif load is None:
        message = f"the bytes of section `{section.name}` are in no PT_LOAD segment"
        yield Finding(rule=RULE, range=section.range, message=message)
    elif load != section.address and not (writable and (copied or _kernel_fills(image, section, load))):
        message = f"section `{section.name}` is loaded at {load:#010x}, and nothing copies it to where it runs"
        yield Finding(rule=RULE, range=section.range, message=message)


def _kernel_fills(image: ElfImage, section: Section, load: int) -> bool:
    """Whether the kernel's start-up copies the section, by the symbols that it goes by."""
    start, end, source = (image.symbol(f"__lp_kernel_data_{name}") for name in ("start", "end", "load"))
    if start is None or end is None or source is None:
        return False
    inside = start.value <= section.address and section.range.end <= end.value
    return inside and load - source.value == section.address - start.value
