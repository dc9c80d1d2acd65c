"""Every allocated input section of a component, found again at its final address, byte for byte.

A linker that merges, folds or drops a section, or takes one of another component of the same name, gives an image in
which the planned bytes are not where the regions are. A field that a relocation fills must lead to where the section
that it names was found; space has no bytes, and is found by what names it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up, subtract
from layoutplan.check.elf.image import ElfImage, ObjectSection, Section, parse_object
from layoutplan.check.elf.relocated import as_relocated, field_width
from layoutplan.check.image.parts import ImageParts
from layoutplan.errors import BadInput
from layoutplan.model.access import Machine
from layoutplan.model.component import Component, InputSection, Role, System
from layoutplan.model.evidence import Finding

_FILLING = 16
"""Bytes from which on a gap is none that alignment makes."""
_ROLES = (Role.TEXT, Role.RODATA, Role.DATA, Role.BSS, Role.LINEAR_MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Components whose object was at hand, and what is not where it should be."""

    components: tuple[str, ...]
    findings: tuple[Finding, ...]


def trace(system: System, image: ElfImage, parts: ImageParts, objects: Mapping[str, bytes]) -> Traced:
    """Follow the input sections of each linked component whose sealed object is in ``objects`` or is its only one."""
    traced: list[str] = []
    findings: list[Finding] = []
    for component in (*system.components, *((system.runtime,) if system.runtime else ())):
        if not component.linked or not component.sections:
            continue
        sections = _object(component, objects)
        if sections is None:
            continue
        traced.append(component.name)
        findings += _component(system, image, parts, component, sections)
    return Traced(components=tuple(traced), findings=tuple(findings))


def _object(component: Component, objects: Mapping[str, bytes]) -> tuple[ObjectSection, ...] | None:
    """The sealed object's sections; ``None`` where only unsealed objects are known."""
    data = objects.get(component.name)
    if data is None and len(component.objects) == 1:
        with contextlib.suppress(OSError):
            data = component.objects[0].read_bytes()
    if data is None:
        return None
    try:
        sections = parse_object(data, component.name)
    except BadInput:
        return None
    names = {section.name for section in sections}
    sealed = all(s.name in names for s in component.sections if s.name.startswith(".lp."))
    return sections if sealed and any(name.startswith(f".lp.{component.name}.") for name in names) else None


@dataclass(frozen=True, slots=True)
class _Found:
    """An input section at ``offset`` of output section ``home``."""

    home: Section
    offset: int
    asked: InputSection
    source: ObjectSection

    @property
    def address(self) -> int:
        return self.home.address + self.offset


def _component(
    system: System, image: ElfImage, parts: ImageParts, component: Component, sections: tuple[ObjectSection, ...]
) -> Iterator[Finding]:
    left = list(sections)
    found: list[_Found] = []
    for role in _ROLES:
        home = parts.sections.get(f"{component.name}.{role.value}")
        offset = 0
        for asked in (section for section in component.sections if section.role is role):
            offset = align_up(offset, max(asked.align, 1))
            source = next((s for s in left if s.name == asked.name and s.size == asked.size), None)
            if source is not None:
                left.remove(source)
                if home is not None and asked.size:
                    found.append(_Found(home, offset, asked, source))
            offset += asked.size
    addresses = {one.source.index: one.address for one in found if not one.source.merge}
    for one in found:
        yield from _compared(system.target.machine, image, component, one, addresses)
    for home in {one.home.name: one.home for one in found}.values():
        yield from _between(image, component, home, [one for one in found if one.home is home])


def _between(image: ElfImage, component: Component, home: Section, found: list[_Found]) -> Iterator[Finding]:
    """What is in a part and of no input section is a linker's filling: alignment, or one word over and over."""
    data = image.contents(home)
    if data is None or any(one.source.merge for one in found):  # merged strings have no place of their own
        return
    held = [AddressRange.of(one.address, one.asked.size) for one in found]
    for gap in subtract(home.range, held):
        filling = data[gap.base - home.address : gap.end - home.address]
        if gap.size >= _FILLING and filling[4:] != filling[:-4]:
            message = f"{gap.size} B in `{home.name}` are of no input section"
            yield Finding(rule="traced", partition=component.partition, range=gap, message=message)


def _compared(
    machine: Machine, image: ElfImage, component: Component, one: _Found, addresses: Mapping[int, int]
) -> Iterator[Finding]:
    home, asked = one.home, one.asked
    where = AddressRange.of(one.address, asked.size)

    def fault(message: str) -> Finding:
        return Finding(rule="traced", partition=component.partition, range=where, message=message)

    if one.source.data is None:
        if any((image.contents(home) or b"")[one.offset : one.offset + asked.size]):
            yield fault(f"`{asked.name}` is space in the object, and has bytes in `{home.name}`")
        return
    if one.source.merge:
        whole = image.contents(home) or b""
        if any(piece not in whole for piece in one.source.data.split(b"\0")):
            yield fault(f"strings of `{asked.name}` are not in `{home.name}`")
        return
    if one.offset + asked.size > home.size:  # too short, which another rule reports
        return
    loaded = image.contents(home)
    if loaded is None:
        yield fault(f"the bytes of `{asked.name}` are not loaded")
        return
    mine, theirs = bytearray(one.source.data), loaded[one.offset : one.offset + asked.size]
    for relocation in one.source.relocations:
        at, width = relocation.offset, field_width(machine, relocation.type)
        filled = theirs[at : at + width]
        base = addresses.get(relocation.section)
        if base is not None and at + width <= len(mine):
            before = one.source.data[at : at + width]
            target = base + relocation.value
            made = as_relocated(machine, relocation.type, before, one.address + at, target, relocation.addend)
            filled = filled if made is None else made
        mine[at : at + width] = filled
    if mine != theirs:
        first = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
        yield fault(f"`{asked.name}` is not as linked for its place in `{home.name}`: byte {first} differs")
