"""Turns objects into the input sections that a linker will lay out, in its order, with sizes and alignments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from layoutplan.address import align_up
from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.architecture import one_architecture
from layoutplan.inputs.faults import nearest
from layoutplan.inputs.objectfiles import read_objects
from layoutplan.inputs.safety import SafetyManifest, read_safety_manifests
from layoutplan.inputs.software import checks_of, guarded, several_memories, unbounded
from layoutplan.model.access import Isolation
from layoutplan.model.component import Component, InputSection, Role, System
from layoutplan.objects import RelocatableObject, Section, SectionFlag, SectionType, refusals

LINEAR_MEMORY_BASE = "__linear_memory_base"
"""What a dissolved component leaves undefined when its wasm memory is not in the object."""

COMMON = "COMMON"
"""The linkers' name for the tentative definitions of all input files."""


def measure(system: System, objects: Mapping[str, tuple[Path, ...]]) -> System:
    """The system with every component's ``sections``, from ``objects`` by component name (``runtime`` too).

    ``BadInput`` tells every fault of every object: unreadable, mixed architectures, constructors, thread-locals,
    rlibs, bitcode, a linear memory of unknown size.
    """
    faults: list[Fault] = []
    read: dict[str, tuple[RelocatableObject, ...]] = {}
    for component in _all(system):
        read[component.name] = _read(objects.get(component.name, component.objects), faults)
    everything = [found for rows in read.values() for found in rows]
    faults += one_architecture(system, everything)
    for found in everything:
        faults += refusals(found)
    components = tuple(_measured(system, component, read, faults) for component in system.components)
    runtime = system.runtime and _measured(system, system.runtime, read, faults)
    if runtime is not None:
        faults += _stateless(system, runtime)
    faults += several_memories(system, components)
    if faults:
        raise BadInput(faults)
    return replace(system, components=components, runtime=runtime)


def _all(system: System) -> tuple[Component, ...]:
    return system.components if system.runtime is None else (*system.components, system.runtime)


def _read(paths: Iterable[Path], faults: list[Fault]) -> tuple[RelocatableObject, ...]:
    found: list[RelocatableObject] = []
    for path in paths:
        try:
            found += read_objects(path)
        except BadInput as error:
            faults += error.faults
    return tuple(found)


def _measured(
    system: System, component: Component, read: Mapping[str, tuple[RelocatableObject, ...]], faults: list[Fault]
) -> Component:
    siblings = [other for other in system.components if set(other.objects) & set(component.objects)]
    taken_by_others = {name for other in siblings if other is not component for name in other.selects}
    rows = read[component.name]
    if component.selects:
        # The sections come out of the object that is linked: that of the component which names no sections.
        whole = next((other for other in siblings if not other.selects), component)
        rows = read[whole.name] or rows
    sections: list[InputSection] = []
    seen_groups: set[str] = set()
    for found in rows:
        try:
            sections += _sections(found, seen_groups)
        except BadInput as error:  # a broken group
            faults += error.faults
    prefixes = tuple(f".lp.{other.name}" for other in siblings)
    if component.selects:
        chosen = [s for s in sections if _own_name(s.name, prefixes) in component.selects]
        faults += _selection_faults(system, component, chosen, sections, prefixes)
    else:
        chosen = [s for s in sections if _own_name(s.name, prefixes) not in taken_by_others]
    if component.selects:
        return replace(component, sections=tuple(chosen))
    if rows and not chosen:
        text = f"no section of `{component.name}` takes memory"
        hint = "is it the right object, and does something reach its code?"
        key = f"component.{component.name}.objects" if component is not system.runtime else "runtime.objects"
        faults.append(Fault(code="empty-component", message=text, where=system.location(key), hint=hint))
    safety = _safety(component, faults)
    faults += _unchecked(system, component, safety)
    needed = _linear_memory(system, component, rows, chosen, safety, faults)
    made = replace(component, sections=tuple(chosen), linear_memory=needed, bounds_checks=checks_of(safety))
    faults += unbounded(system, made, rows, safety)
    return guarded(system, made)


def _sections(found: RelocatableObject, seen_groups: set[str]) -> list[InputSection]:
    discarded = {index for index, signature in found.groups.items() if signature in seen_groups}
    seen_groups.update(found.groups.values())
    sections = [
        InputSection(
            object=found.name, name=section.name, role=role_of(section), size=section.size, align=section.align
        )
        for section in found.allocated
        if section.index not in discarded and not _unwinds(section)
    ]
    common = 0
    for symbol in found.commons:
        common = align_up(common, max(symbol.value, 1)) + symbol.size
    if common:
        align = max(symbol.value for symbol in found.commons)
        sections.append(InputSection(object=found.name, name=COMMON, role=Role.BSS, size=common, align=max(align, 1)))
    return sections


def _unwinds(section: Section) -> bool:
    """Whether the section is for unwinding. Sealing drops those: a component that panics stops."""
    return section.type == SectionType.ARM_EXIDX or section.name.startswith((".ARM.extab", ".eh_frame"))


def role_of(section: Section) -> Role:
    """What an allocated section holds, by its flags: names mean nothing to a linker."""
    if SectionFlag.EXECINSTR in section.flags:
        return Role.TEXT
    if section.type == SectionType.NOBITS:
        return Role.BSS
    return Role.DATA if SectionFlag.WRITE in section.flags else Role.RODATA


def _own_name(name: str, prefixes: tuple[str, ...]) -> str:
    """The section's name before sealing put ``.lp.<component>`` in front of it."""
    for prefix in prefixes:
        if name.startswith(prefix + "."):
            return name[len(prefix) :]
    return name


def _selection_faults(
    system: System,
    component: Component,
    chosen: list[InputSection],
    sections: list[InputSection],
    prefixes: tuple[str, ...],
) -> list[Fault]:
    where = system.location(f"component.{component.name}.sections")
    names = {_own_name(section.name, prefixes) for section in chosen}
    data = sorted({_own_name(s.name, prefixes) for s in sections if s.role in (Role.DATA, Role.BSS)})
    faults = [
        Fault(
            code="unknown-section",
            message=f"no object of `{component.name}` has a section `{name}`",
            where=where,
            hint=nearest(name, data),
        )
        for name in component.selects
        if name not in names
    ]
    for section in chosen:
        if section.role not in (Role.DATA, Role.BSS):
            text = f"`{section.name}` is {section.role}, and only data sections can be given to another component"
            hint = "name data sections only: code and constants stay with the component that has the object"
            faults.append(Fault(code="not-data", message=text, where=where, hint=hint))
    return faults


def _linear_memory(
    system: System,
    component: Component,
    rows: tuple[RelocatableObject, ...],
    sections: list[InputSection],
    safety: tuple[SafetyManifest, ...],
    faults: list[Fault],
) -> int:
    """Bytes of wasm memory to plan beside the object's own sections.

    The manifest's word comes first. Else the safety manifest beside the object says how much the code expects, and
    that is needed unless a section of the object is already large enough to be it.
    """
    if component.linear_memory:
        return component.linear_memory
    # Sealing gives each component's base a name of its own.
    sealed = f"__lp_{component.name.replace('-', '_')}_linear_memory_start"
    external = any(found.undefined & {LINEAR_MEMORY_BASE, sealed} for found in rows)
    declared = sum(one.linear_memory_bytes for one in safety)
    largest = max((s.size for s in sections if s.role in (Role.BSS, Role.DATA)), default=0)
    if external and not declared:
        text = (
            f"`{component.name}` needs a linear memory of a size that nothing says: `{LINEAR_MEMORY_BASE}` is undefined"
        )
        hint = 'give linear-memory = "64K", or keep <object>.safety-manifest.json beside the object'
        where = system.location(f"component.{component.name}.linear-memory")
        faults.append(Fault(code="linear-memory", message=text, where=where, hint=hint))
    # The base register of checked code leads to no section of its object.
    external = external or Isolation.SOFTWARE in system.isolation
    return declared if external or largest < declared else 0


def _safety(component: Component, faults: list[Fault]) -> tuple[SafetyManifest, ...]:
    try:
        return read_safety_manifests(component.objects)
    except BadInput as error:
        faults += error.faults
        return ()


def _unchecked(system: System, component: Component, safety: tuple[SafetyManifest, ...]) -> list[Fault]:
    """Software isolation rests on checks that the compiler put in: only its own word says that they are there."""
    if Isolation.SOFTWARE not in system.isolation or not component.objects or component is system.runtime:
        return []
    if len(safety) == len(component.objects) and checks_of(safety) is not None:
        return []
    text = f'isolation = "software", and nothing says that `{component.name}` was compiled with bounds checks'
    hint = "compile it with --safety-bounds software, and keep <object>.safety-manifest.json beside each object"
    where = system.location(f"component.{component.name}.objects")
    return [Fault(code="no-bounds-checks", message=text, where=where, hint=hint)]


def _stateless(system: System, runtime: Component) -> list[Fault]:
    return [
        Fault(
            code="runtime-state",
            message=f"`{section.name}` of {section.object} is {section.role}, and the runtime has no memory of its own",
            where=system.location("runtime.objects"),
            hint="what keeps state belongs into each component",
        )
        for section in runtime.sections
        if section.role in (Role.DATA, Role.BSS)
    ]
