"""What came out: names left open, names left visible, sections that an image would have to place."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from layoutplan.errors import LayoutplanError
from layoutplan.model.component import Component
from layoutplan.objects import RelocatableObject, Section, SectionType, Symbol, read_object

ALL = "*"
"""In ``exports``: every global stays visible."""

_REL, _RELA = struct.Struct("<II"), struct.Struct("<IIi")


def prefix(component: str) -> str:
    """What the names of a sealed component's sections begin with."""
    return f".lp.{component}"


def roots(component: Component) -> tuple[str, ...]:
    """The names that others may refer to: the entry, then the exports, ``*`` left out."""
    names = (*filter(None, [component.entry]), *(name for name in component.exports if name != ALL))
    return tuple(dict.fromkeys(names))


def is_sealed(component: Component, path: Path) -> bool:
    """Whether the file is one relocatable object that shows its entry and exports only, in sections of its own name."""
    try:
        found = read_object(path.read_bytes(), path.name)
    except (OSError, LayoutplanError):
        return False
    own = prefix(component.name) + "."
    return (
        all(section.name.startswith(own) for section in found.allocated)
        and not found.commons
        and not any(section.type == SectionType.GROUP for section in found.elf.sections)
        and (ALL in component.exports or found.defined <= set(roots(component)))
        and found.defined >= set(roots(component))
    )


def open_names(found: RelocatableObject) -> tuple[frozenset[str], frozenset[str]]:
    """The undefined names that a relocation of an allocated section uses, and those that nothing uses."""
    used = frozenset(symbol.name for symbol in _referenced(found) if symbol.undefined and symbol.name)
    return used, found.undefined - used


def relocated_notes(found: RelocatableObject) -> frozenset[str]:
    """Sections that take no memory and yet refer to symbols, such as a compiler's import table."""
    return frozenset(
        found.elf.sections[section.info].name
        for section in found.elf.sections
        if section.type in (SectionType.REL, SectionType.RELA)
        and section.info < len(found.elf.sections)
        and not _patches_memory(found, section)
    )


def _referenced(found: RelocatableObject) -> Iterator[Symbol]:
    for section in found.elf.sections:
        if section.type not in (SectionType.REL, SectionType.RELA) or not _patches_memory(found, section):
            continue
        layout = _REL if section.type == SectionType.REL else _RELA
        content = found.elf.content(section)
        for row in layout.iter_unpack(content[: len(content) - len(content) % layout.size]):
            index = row[1] >> 8  # ELF32_R_SYM
            if 0 < index <= len(found.elf.symbols):
                yield found.elf.symbols[index - 1]


def _patches_memory(found: RelocatableObject, section: Section) -> bool:
    return section.info < len(found.elf.sections) and found.elf.sections[section.info].allocated
