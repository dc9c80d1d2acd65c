"""What a final link added to the components: veneers, which no input object has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from layoutplan.address import align_up
from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.objectfiles import read_file
from layoutplan.model.component import Component, InputSection, Role, System
from layoutplan.objects import ElfFile, read_elf


def measure_linked(system: System, elf: Path) -> System:
    """The measured system with each component's slack set to what the link of ``elf`` added to its code.

    ``elf`` is an image linked with a script of this tool, where a component's code is the section
    ``.lp.<component>.text``. ``BadInput`` when it is no such image, or lacks a component.
    """
    image = read_elf(read_file(elf), elf.name)
    faults: list[Fault] = []
    components = tuple(_measured(component, image, faults) for component in system.components)
    if faults:
        raise BadInput(faults)
    return replace(system, components=components)


def _measured(component: Component, image: ElfFile, faults: list[Fault]) -> Component:
    code = [section for section in component.sections if section.role is Role.TEXT]
    if not component.linked or not code:
        return component
    name = f".lp.{component.name.replace('-', '_')}.{Role.TEXT}"
    section = image.section(name)
    if section is None:
        text = f"the image has no section `{name}`, so it was not linked with a script for component `{component.name}`"
        faults.append(Fault(code="not-in-image", message=text, where=image.name, hint="link once without `--measured`"))
        return component
    # Less than the objects bring is no saving that the next link is bound to make again.
    return replace(component, slack=max(0, section.size - laid_out(code)))


def laid_out(sections: Iterable[InputSection]) -> int:
    """Bytes that a linker gives to input sections in this order, from an aligned start."""
    end = 0
    for section in sections:
        end = align_up(end, section.align) + section.size
    return end
