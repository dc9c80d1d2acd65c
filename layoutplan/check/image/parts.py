"""Where the image has what the manifest asks for: a section per part, blocks as their hulls, the kernel as the rest.

Names come from the contract with the linker script (``.lp.<part>``, ``__lp_<block>_start``); sizes and rights from the
manifest and the objects. Symbols may widen a block into bytes that nobody else has, never into an allocated section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import ElfImage, Section
from layoutplan.check.owners.facts import PlacedBlock, PlacedPart
from layoutplan.check.owners.wanted import Wanted, laid_out, rights, wanted
from layoutplan.model.access import Kind
from layoutplan.model.component import Component, Role, System
from layoutplan.model.evidence import Finding

_SPACE = (Role.STACK, Role.HEAP, Role.SHARE, Role.LINEAR_MEMORY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageParts:
    """The image split among its owners. ``kernel`` are the allocated sections that are no part."""

    blocks: tuple[PlacedBlock, ...]
    kernel: tuple[Section, ...]
    sections: dict[str, Section]
    """By part name."""
    findings: tuple[Finding, ...]


def part_name(part: Wanted) -> str:
    """The part's name in the plan and the linker script: ``uart.text``, ``rx.stack``, ``shared.ring``."""
    name, role = part.key
    return f"shared.{name}" if role is Role.SHARE else f"{name}.{role.value}"


def output_section(part: str) -> str:
    """The output section that holds a part."""
    return ".lp." + part.replace("-", "_")


def image_parts(system: System, image: ElfImage) -> ImageParts:
    """Every part's section, and everything that is wrong with where it is."""
    findings: list[Finding] = []
    found: dict[str, tuple[Wanted, Section]] = {}
    by_name: dict[str, list[Section]] = {}
    for section in image.sections:
        if section.allocated:
            by_name.setdefault(section.name, []).append(section)
    for part in wanted(system):
        name = part_name(part)
        sections = by_name.pop(output_section(name), [])
        if len(sections) > 1:
            findings.append(Finding(rule="sections", partition=part.owner, message=f"`{name}` is in several sections"))
        if sections:
            found[name] = (part, sections[0])
            findings += _sized(system, part, name, sections[0])
        elif _expected(system, part):
            message = f"the image has no section `{output_section(name)}` for the {part.size} B of `{name}`"
            findings.append(Finding(rule="sections", partition=part.owner, message=message))
    kernel = tuple(section for sections in by_name.values() for section in sections)
    for section in kernel:
        owner = section.name.split(".")[2] if section.name.startswith(".lp.") else ""
        for component in system.components:
            if component.name == owner:
                message = f"section `{section.name}` is of a component, and no part of the manifest"
                findings.append(
                    Finding(rule="sections", partition=component.partition, range=section.range, message=message)
                )
    findings += _overlaps([*kernel, *(section for _, section in found.values())])
    blocks = tuple(_blocks(system, image, found, findings))
    return ImageParts(
        blocks=blocks,
        kernel=kernel,
        sections={name: section for name, (_, section) in found.items()},
        findings=tuple(findings),
    )


def _component(system: System, part: Wanted) -> Component | None:
    name, role = part.key
    if role in (Role.STACK, Role.SHARE):
        return None
    if system.runtime is not None and name == system.runtime.name:
        return system.runtime
    return system.component(name)


def _expected(system: System, part: Wanted) -> bool:
    """Whether the part must be in the image: space always, bytes when their component takes part in the link."""
    component = _component(system, part)
    if component is None or part.key[1] in _SPACE:
        return True
    return component.linked and laid_out(component, part.key[1])[0] > 0


def _sized(system: System, part: Wanted, name: str, section: Section) -> Iterator[Finding]:
    component = _component(system, part)
    least = part.size
    if component is not None and part.key[1] not in _SPACE:
        least = laid_out(component, part.key[1])[0] if component.linked else 0
    if not least <= section.size <= part.size:
        asked = f"{least} B" if least == part.size else f"{least} to {part.size} B"
        message = f"`{name}` has {section.size} B in the image where the objects make {asked}"
        yield Finding(rule="sections", partition=part.owner, range=section.range, message=message)
    if section.address % part.align:
        message = f"`{name}` is not aligned to {part.align} B"
        yield Finding(rule="sections", partition=part.owner, range=section.range, message=message)


def _overlaps(sections: list[Section]) -> Iterator[Finding]:
    ordered = sorted(sections, key=lambda section: (section.address, section.size))
    for first, second in pairwise(ordered):
        overlap = first.range.intersection(second.range)
        if overlap:
            message = f"sections `{first.name}` and `{second.name}` overlap"
            yield Finding(rule="disjoint", range=overlap, message=message)


def _blocks(
    system: System, image: ElfImage, found: dict[str, tuple[Wanted, Section]], findings: list[Finding]
) -> Iterator[PlacedBlock]:
    """One block per owner, kind and list of memories. Parts that are not linked yet leave it to its symbols."""
    asked: dict[tuple[str, Kind], dict[tuple[str, ...], list[Wanted]]] = {}
    for part in wanted(system):
        asked.setdefault((part.owner, part.kind), {}).setdefault(part.memories, []).append(part)
    taken = [section for section in image.sections if section.allocated]
    for (owner, kind), lists in asked.items():
        for memories, members in lists.items():
            name = owner if owner == "runtime" or owner.startswith("shared:") else f"{owner}.{kind.value}"
            name += "." + "-".join(memories) if len(lists) > 1 else ""
            own = {part_name(p): found[part_name(p)] for p in members if part_name(p) in found}
            used = _bounds(image, name, [section for _, section in own.values()], taken, findings)
            if used is None:
                continue
            memory = next((m.name for m in system.target.memories if m.range.contains(used)), None)
            if memory is None or (memories and memory not in memories):
                message = f"`{name}` is not inside {' or '.join(memories) or 'one memory of the target'}"
                findings.append(Finding(rule="memory", partition=owner, range=used, message=message))
            if memory is not None:
                yield PlacedBlock(
                    name=name,
                    owner=owner,
                    kind=kind,
                    memory=memory,
                    used=used,
                    rights=rights(system, owner, kind, {part.key[0] for part in members}),
                    parts=tuple(
                        PlacedPart(name=n, range=section.range, whole=part.whole) for n, (part, section) in own.items()
                    ),
                    whole=not all(p.split for p in system.partitions if p.name == owner),
                )


def _bounds(
    image: ElfImage, name: str, own: list[Section], taken: list[Section], findings: list[Finding]
) -> AddressRange | None:
    """A block from its start to its end symbol: its sections and slack, nothing else that is allocated."""
    hull = AddressRange(min(s.address for s in own), max(s.range.end for s in own)) if own else None
    stem = "__lp_" + name.replace(".", "_").replace(":", "_").replace("-", "_")
    start, end = image.symbol(f"{stem}_start"), image.symbol(f"{stem}_end")
    if start is None or end is None or start.value >= end.value:
        return hull
    told = AddressRange(start.value, end.value)
    foreign = next((s for s in taken if s not in own and s.range.overlaps(told)), None)
    if hull is not None and not told.contains(hull):
        message = f"`{stem}_start` and `{stem}_end`, {told}, do not hold the sections of `{name}`"
    elif foreign is not None:
        message = f"`{stem}_start` and `{stem}_end`, {told}, hold section `{foreign.name}` too"
    else:
        return told
    findings.append(Finding(rule="symbols", partition=name, range=told, message=message))
    return hull
