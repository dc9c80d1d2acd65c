"""Every allocated input section of a component, found again at its final address, byte for byte.

A linker that merges, folds or drops a section, or takes one of another component of the same name, gives an image in
which the planned bytes are not where the regions are. Fields that relocations fill are left out of the comparison.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_up
from layoutplan.check.elf_image import ElfImage, ObjectSection, Section, parse_object
from layoutplan.check.image_parts import ImageParts
from layoutplan.errors import BadInput
from layoutplan.model.access import Machine
from layoutplan.model.component import Component, InputSection, Role, System
from layoutplan.model.evidence import Finding

_ROLES = (Role.TEXT, Role.RODATA, Role.DATA, Role.BSS, Role.LINEAR_MEMORY)
_RISCV_CALLS = (18, 19)
"""R_RISCV_CALL and R_RISCV_CALL_PLT fill an AUIPC and the JALR behind it."""


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


def _component(
    system: System, image: ElfImage, parts: ImageParts, component: Component, sections: tuple[ObjectSection, ...]
) -> Iterator[Finding]:
    left = list(sections)
    for role in _ROLES:
        home = parts.sections.get(f"{component.name}.{role.value}")
        offset = 0
        for asked in (section for section in component.sections if section.role is role):
            offset = align_up(offset, max(asked.align, 1))
            source = next((s for s in left if s.name == asked.name and s.size == asked.size), None)
            if source is not None:
                left.remove(source)
                if home is not None and asked.size:
                    yield from _compared(system, image, component, home, offset, asked, source)
            offset += asked.size


def _compared(
    system: System,
    image: ElfImage,
    component: Component,
    home: Section,
    offset: int,
    asked: InputSection,
    source: ObjectSection,
) -> Iterator[Finding]:
    if source.data is None:
        return

    def fault(message: str) -> Finding:
        where = AddressRange.of(home.address + offset, asked.size)
        return Finding(rule="traced", partition=component.partition, range=where, message=message)

    if source.merge:
        whole = image.contents(home) or b""
        if any(piece not in whole for piece in source.data.split(b"\0")):
            yield fault(f"strings of `{asked.name}` are not in `{home.name}`")
        return
    if offset + asked.size > home.size:  # too short, which another rule reports
        return
    loaded = image.contents(home)
    if loaded is None:
        yield fault(f"the bytes of `{asked.name}` are not loaded")
        return
    found = loaded[offset : offset + asked.size]
    mine, theirs = bytearray(source.data), bytearray(found)
    riscv = system.target.machine is Machine.RISCV
    for at, kind in source.relocations:
        width = 8 if riscv and kind in _RISCV_CALLS else 4
        mine[at : at + width] = theirs[at : at + width]
    if mine != theirs:
        first = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
        yield fault(f"`{asked.name}` is not at its place in `{home.name}`: byte {first} differs from the object's")
