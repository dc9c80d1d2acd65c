"""Relocatable objects as components bring them, and what is refused in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property

from layoutplan.errors import Fault
from layoutplan.model.access import Machine
from layoutplan.objects.attributes import BuildAttributes, read_attributes
from layoutplan.objects.bounded import Bounded
from layoutplan.objects.elf import ElfFile, FileType, Section, SectionFlag, SectionType, Symbol, read_elf

BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
"""LLVM bitcode, bare and wrapped."""

_CONSTRUCTORS = frozenset({SectionType.INIT_ARRAY, SectionType.FINI_ARRAY, SectionType.PREINIT_ARRAY})
_CONSTRUCTOR_NAMES = (".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors")


@dataclass(frozen=True)
class RelocatableObject:
    """One ``ET_REL`` file."""

    elf: ElfFile

    @property
    def name(self) -> str:
        """The file's name; ``lib.a(member.o)`` for a member."""
        return self.elf.name

    @property
    def machine(self) -> Machine:
        """The instruction set."""
        return self.elf.machine

    @property
    def allocated(self) -> tuple[Section, ...]:
        """The sections that take memory, in file order, empty ones left out."""
        return tuple(section for section in self.elf.sections if section.allocated and section.size)

    @property
    def commons(self) -> tuple[Symbol, ...]:
        """Tentative definitions. ``value`` is the alignment (gABI, symbol values)."""
        return tuple(symbol for symbol in self.elf.symbols if symbol.common)

    @property
    def undefined(self) -> frozenset[str]:
        """The names that other objects have to define."""
        return frozenset(symbol.name for symbol in self.elf.symbols if symbol.undefined and symbol.name)

    @property
    def defined(self) -> frozenset[str]:
        """The global names that this object defines, common ones too."""
        return frozenset(s.name for s in self.elf.symbols if s.is_global and not s.undefined and s.name)

    @cached_property
    def attributes(self) -> BuildAttributes:
        """What the compiler wrote about the instruction set; all ``None`` where it wrote nothing."""
        return read_attributes(self.elf)

    @cached_property
    def groups(self) -> dict[int, str]:
        """Section index to the signature of its COMDAT group; a link keeps one copy. ``BadInput`` if broken."""
        found: dict[int, str] = {}
        left = len(self.elf.sections)  # gABI: a section is in one group at most, which bounds what hostile ones cost
        for section in self.elf.sections:
            if section.type != SectionType.GROUP:
                continue
            members = section.size // 4 - 1
            left -= members
            if members < 0 or left < 0 or not 0 < section.info <= len(self.elf.symbols):
                raise Bounded(self.elf.data, self.name).broken(
                    f"section {section.index}: a group of {members} sections"
                )
            flags, *indices = struct.unpack_from(f"<{members + 1}I", self.elf.content(section))
            if flags & 1:  # GRP_COMDAT
                found |= dict.fromkeys(indices, self._signature(self.elf.symbols[section.info - 1]))
        return found

    def _signature(self, symbol: Symbol) -> str:
        # A section symbol has no name of its own: the section's serves (binutils does the same).
        if symbol.name or symbol.section is None:
            return symbol.name
        return self.elf.sections[symbol.section].name


def read_object(data: bytes, name: str) -> RelocatableObject:
    """A relocatable ELF32 object. ``BadInput`` with one fault for anything else, bitcode included."""
    file = Bounded(data, name)
    if data.startswith(BITCODE):
        hint = "compile the component without link-time optimisation (-C lto=no, -fno-lto)"
        raise file.fault("bitcode", "the object holds LLVM bitcode instead of machine code", hint)
    elf = read_elf(data, name)
    if elf.type is not FileType.RELOCATABLE:
        raise file.fault("wrong-elf", "an executable where a relocatable object is needed", "link with `ld -r`")
    found = RelocatableObject(elf)
    if any(symbol.name == "__gnu_lto_slim" for symbol in elf.symbols):
        raise file.fault("bitcode", "the object holds GCC's LTO form instead of machine code", "add -fno-lto")
    return found


def refusals(found: RelocatableObject) -> list[Fault]:
    """What no component may bring, each with the section: constructors, thread-locals, writable code, compression."""
    faults = []
    for section in found.elf.sections:
        if not section.allocated:
            continue
        if section.type in _CONSTRUCTORS or _is_constructor(section.name):
            text = f"`{section.name}` holds constructors, which would run privileged before any isolation is on"
            faults.append(_fault(found, section, "constructor", text, "initialise from the component's entry instead"))
        if SectionFlag.TLS in section.flags and section.size:
            text = f"`{section.name}` is thread-local storage, which no task has"
            faults.append(_fault(found, section, "thread-local", text, "use a plain static"))
        if SectionFlag.WRITE in section.flags and SectionFlag.EXECINSTR in section.flags and section.size:
            text = f"`{section.name}` is writable and executable"
            faults.append(_fault(found, section, "write-execute", text, "keep code in a section that is not writable"))
        if SectionFlag.COMPRESSED in section.flags:
            text = f"`{section.name}` is compressed and allocated"
            faults.append(_fault(found, section, "broken-object", text, "leave its sections uncompressed"))
    return faults


def _is_constructor(name: str) -> bool:
    # A sealed object has `.lp.<component>` before the name.
    own = "." + name.split(".", 3)[3] if name.startswith(".lp.") and name.count(".") >= 3 else name
    return any(own == base or own.startswith(base + ".") for base in _CONSTRUCTOR_NAMES)


def _fault(found: RelocatableObject, section: Section, code: str, message: str, hint: str) -> Fault:
    return Fault(code=code, message=message, where=f"{found.name}: section {section.index}", hint=hint)
