"""Every allocated input section of a component, found again at its final address, byte for byte.

A linker that merges, folds or drops a section, or takes one of another component of the same name, gives an image in
which the planned bytes are not where the regions are. A field that a relocation fills must lead to where what it names
was found; space has no bytes, and is found by what names it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up, subtract
from layoutplan.check.elf.image import ElfImage, Section
from layoutplan.check.elf.objects import ObjectFile, ObjectSection, parse_object
from layoutplan.check.image.fields import Found, Names, filled, pieces, space_names
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
    """Components whose object was at hand, where what they define is, and what is not where it should be.

    ``known`` are their global symbols and those of heaps and shares, ``functions`` all addresses of functions.

    ``untraced`` are linked, and no sealed object of theirs was found.
    """

    components: tuple[str, ...]
    untraced: tuple[str, ...]
    known: Mapping[str, int]
    functions: frozenset[int]
    findings: tuple[Finding, ...]


def trace(system: System, image: ElfImage, parts: ImageParts, objects: Mapping[str, bytes]) -> Traced:
    """Follow the input sections of each linked component whose sealed object is in ``objects`` or is its only one."""
    findings: list[Finding] = []
    files: dict[bytes, Found] = {}
    places: list[tuple[Component, list[_Place], Found]] = []
    known = space_names(system, parts)
    functions: set[int] = set()
    untraced: list[str] = []
    for component in (*system.components, *((system.runtime,) if system.runtime else ())):
        if not component.linked or not component.sections:
            continue
        data, file = _object(component, objects)
        if file is None:
            untraced.append(component.name)
            continue
        # Components that share an object, each with sections of its own, name each other's.
        found = files.setdefault(data, Found(sections={section.index: section for section in file.sections}))
        placed = list(_places(parts, component, file, findings))
        places.append((component, placed, found))
        for one in placed:
            if one.source.merge:
                found.merged[one.source.index] = one.home.address, image.contents(one.home) or b""
            else:
                found.addresses[one.source.index] = one.address
        for symbol in file.defined:
            if symbol.section in found.addresses:
                known[symbol.name] = found.addresses[symbol.section] + symbol.value
        for symbol in file.functions:
            if symbol.section in found.addresses:
                functions.add(found.addresses[symbol.section] + symbol.value)
    names = Names(image=image, known=known)
    for component, placed, found in places:
        for one in placed:
            if one.asked.size:
                findings += _compared(system.target.machine, image, component, one, found, names)
        for home in {one.home.name: one.home for one in placed}.values():
            findings += _between(image, component, home, [one for one in placed if one.home is home])
    return Traced(
        components=tuple(component.name for component, _, _ in places),
        untraced=tuple(untraced),
        known=known,
        functions=frozenset(functions),
        findings=tuple(findings),
    )


def _object(component: Component, objects: Mapping[str, bytes]) -> tuple[bytes, ObjectFile | None]:
    """The sealed object; none where only unsealed objects are known."""
    data = objects.get(component.name)
    if data is None and len(component.objects) == 1:
        with contextlib.suppress(OSError):
            data = component.objects[0].read_bytes()
    if data is None:
        return b"", None
    try:
        file = parse_object(data, component.name)
    except BadInput:
        return b"", None
    sealed = any(section.name.startswith(f".lp.{component.name}.") for section in file.sections)
    return data, file if sealed else None


@dataclass(frozen=True, slots=True)
class _Place:
    """An input section at ``offset`` of output section ``home``."""

    home: Section
    offset: int
    asked: InputSection
    source: ObjectSection

    @property
    def address(self) -> int:
        return self.home.address + self.offset


def _places(parts: ImageParts, component: Component, file: ObjectFile, findings: list[Finding]) -> Iterator[_Place]:
    """Where a linker puts each of the component's input sections, in order."""
    left = list(file.sections)
    for role in _ROLES:
        home = parts.sections.get(f"{component.name}.{role.value}")
        offset = 0
        for asked in (section for section in component.sections if section.role is role):
            offset = align_up(offset, max(asked.align, 1))
            source = next((s for s in left if s.name == asked.name and s.size == asked.size), None)
            if source is None:
                message = f"`{asked.name}` of {asked.size} B is not in the object of `{component.name}`"
                findings.append(Finding(rule="traced", partition=component.partition, message=message))
            else:
                left.remove(source)
                if home is not None:
                    yield _Place(home, offset, asked, source)
            offset += asked.size


def _between(image: ElfImage, component: Component, home: Section, found: list[_Place]) -> Iterator[Finding]:
    """What is in a part and of no input section is a linker's filling: alignment, or one word over and over."""
    data = image.contents(home)
    if data is None or any(one.source.merge for one in found):  # merged strings have no place of their own
        return
    held = [AddressRange.of(one.address, one.asked.size) for one in found if one.asked.size]
    for gap in subtract(home.range, held):
        filling = data[gap.base - home.address : gap.end - home.address]
        if gap.size >= _FILLING and filling[4:] != filling[:-4]:
            message = f"{gap.size} B in `{home.name}` are of no input section"
            yield Finding(rule="traced", partition=component.partition, range=gap, message=message)


def _compared(
    machine: Machine, image: ElfImage, component: Component, one: _Place, found: Found, names: Names
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
        if any(piece not in whole for piece in pieces(one.source)):
            yield fault(f"strings or constants of `{asked.name}` are not in `{home.name}`")
        return
    if one.offset + asked.size > home.size:  # too short, which another rule reports
        return
    loaded = image.contents(home)
    if loaded is None:
        yield fault(f"the bytes of `{asked.name}` are not loaded")
        return
    linked = loaded[one.offset : one.offset + asked.size]
    for made, wrong in filled(machine, one.source, one.address, linked, found, names):
        if made is None:
            yield fault(f"`{asked.name}` cannot be followed: {wrong}")
        elif made != linked:
            first = next(i for i, (a, b) in enumerate(zip(made, linked, strict=True)) if a != b)
            yield fault(f"`{asked.name}` is not as linked for its place in `{home.name}`: byte {first} differs")
