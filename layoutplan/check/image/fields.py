"""What a component's instructions and constants name, held against where each of those was found.

A symbol's address comes from where the section that defines it was traced, in whichever component that is; those of
heaps and shares from their sections in the image. The image's symbol table is asked for nothing else, and last. A name
inside strings or constants that linkers merge leads to the same bytes, wherever the linker has put them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from layoutplan.check.elf.image import ElfImage, Symbol
from layoutplan.check.elf.objects import ObjectRelocation, ObjectSection
from layoutplan.check.elf.relocated import Field, addend_of, as_relocated, model_of, pcrel_high, pcrel_low
from layoutplan.check.image.parts import ImageParts
from layoutplan.model.access import Machine
from layoutplan.model.component import Role, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of one object: addresses by section, merged sections with the bytes they are somewhere among."""

    sections: Mapping[int, ObjectSection]
    addresses: dict[int, int] = field(default_factory=dict)
    merged: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """Address and bytes of the output section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Addresses of what one object asks another for."""

    image: ElfImage
    known: Mapping[str, int]

    def of(self, symbol: Symbol) -> int | None:
        """The address; ``None`` where nobody defines the symbol."""
        if symbol.name in self.known:
            return self.known[symbol.name]
        told = self.image.defined.get(symbol.name, [])  # lld makes local what was hidden
        return told[0].value if len(told) == 1 else None


def space_names(system: System, parts: ImageParts) -> dict[str, int]:
    """The symbols by which components know heaps, shares and linear memories, from where those are in the image."""
    found: dict[str, int] = {}
    for stem, part in (
        *((f"{c.name}_heap", f"{c.name}.{Role.HEAP.value}") for c in system.components if c.heap),
        *((f"shared_{share.name}", f"shared.{share.name}") for share in system.shares),
        *((f"{c.name}_linear_memory", f"{c.name}.{Role.LINEAR_MEMORY.value}") for c in system.components),
    ):
        if (section := parts.sections.get(part)) is not None:
            name = "__lp_" + stem.replace("-", "_")
            found |= {f"{name}_start": section.address, f"{name}_end": section.range.end}
    return found


def filled(
    machine: Machine, section: ObjectSection, address: int, linked: bytes, objects: Found, names: Names
) -> Iterator[tuple[bytes | None, str]]:
    """The section's bytes as a linker makes them at ``address``, at last; before that, what is wrong with a field."""
    assert section.data is not None
    made = bytearray(section.data)
    uppers = {r.offset: r for r in section.relocations if pcrel_high(machine, r.type)}
    for relocation in section.relocations:
        model = model_of(machine, relocation.type)
        if model is None:
            yield (
                None,
                f"a field has relocation type {relocation.type}, of which nothing is known: byte {relocation.offset}",
            )
            return
        at = slice(relocation.offset, relocation.offset + model.width)
        if not model.width:
            continue
        if at.stop > len(made):
            yield None, f"a relocation is for byte {relocation.offset} of {len(made)}"
            return
        asked, place, before = relocation, address + relocation.offset, bytes(made[at])
        if pcrel_low(machine, relocation.type):
            upper = uppers.get(relocation.symbol.value) if relocation.home == section.index else None
            if upper is None:
                yield None, f"a lower half has no upper half: byte {relocation.offset}"
                return
            asked, place = upper, address + upper.offset
        options = list(_targets(model, asked, before, objects, names))
        if not options and asked.symbol.weak:  # a branch to nothing becomes whatever the linker uses for none
            made[at] = linked[at]
            continue
        if not options:
            yield None, f"a field names `{relocation.symbol.name}`, which is nowhere: byte {relocation.offset}"
            return
        fields = [as_relocated(model, before, place, target, asked.addend) for target in options]
        made[at] = linked[at] if linked[at] in fields else fields[0]
    yield bytes(made), ""


def _targets(model: Field, asked: ObjectRelocation, before: bytes, objects: Found, names: Names) -> Iterator[int]:
    """Where the symbol may be: one place, unless linkers merge what it names."""
    symbol, home = asked.symbol, asked.home
    if asked.absolute:
        yield symbol.value
    elif home in objects.merged:
        addend = addend_of(model, before, asked.addend) if asked.by_section else 0
        for place in _merged(objects.sections[home], symbol.value + addend, *objects.merged[home]):
            yield place - addend
    elif home in objects.addresses:
        yield objects.addresses[home] + symbol.value
    elif not home:
        told = names.of(symbol)
        if told is not None or (symbol.weak and not model.branches):
            yield told or 0


def _merged(section: ObjectSection, offset: int, base: int, among: bytes) -> Iterator[int]:
    """Every place where the entry that ``offset`` is in could have gone."""
    data = section.data or b""
    if section.strings:
        start, piece = offset, _string(data, offset, section.merge)
    else:
        start = offset // section.merge * section.merge
        piece = data[start : start + section.merge]
    at = among.find(piece) if piece else -1
    while at >= 0:
        yield base + at + offset - start
        at = among.find(piece, at + 1)


def pieces(section: ObjectSection) -> Iterator[bytes]:
    """The strings or constants of a section that linkers merge."""
    data, at = section.data or b"", 0
    while at < len(data):
        piece = _string(data, at, section.merge) if section.strings else data[at : at + section.merge]
        yield piece
        at += max(len(piece), 1)


def _string(data: bytes, offset: int, character: int) -> bytes:
    """From ``offset`` to the end of the string, its closing zero included."""
    for at in range(offset, len(data), character):
        if not any(data[at : at + character]):
            return data[offset : at + character]
    return data[offset:]
