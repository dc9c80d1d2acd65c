"""Floor 3: relocatable ELF objects and archives, hostile until read."""

from layoutplan.objects.archive import Member, is_archive, read_archive
from layoutplan.objects.elf import Binding, ElfFile, Section, SectionFlag, SectionType, Symbol, is_elf, read_elf
from layoutplan.objects.relocatable import RelocatableObject, read_object, refusals

__all__ = [
    "Binding",
    "ElfFile",
    "Member",
    "RelocatableObject",
    "Section",
    "SectionFlag",
    "SectionType",
    "Symbol",
    "is_archive",
    "is_elf",
    "read_archive",
    "read_elf",
    "read_object",
    "refusals",
]
