"""Holds a sealed object to a list of what it may consist of, whoever made it.

The final link takes its objects by name, type and flag, and some linkers act on sections that hold no program at all:
lld adds the objects that a section of type ``SHT_LLVM_DEPENDENT_LIBRARIES`` names. So whatever is not on the lists
below is refused, and nothing here trusts the tools that sealed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from layoutplan.errors import Fault
from layoutplan.model.component import Component
from layoutplan.objects import Binding, RelocatableObject, Section, SectionFlag, SectionType, Symbol, refusals
from layoutplan.seal.openings import open_name
from layoutplan.seal.relocations import Relocation, relocations, target_of

_TYPES = (SectionType.PROGBITS, SectionType.NOBITS)
_FLAGS = (
    SectionFlag.ALLOC
    | SectionFlag.WRITE
    | SectionFlag.EXECINSTR
    | SectionFlag.MERGE
    | SectionFlag.STRINGS
    | SectionFlag.RETAIN
    | SectionFlag.PURECODE
)
_TABLES: Mapping[int, tuple[str, ...]] = {
    SectionType.SYMTAB: (".symtab",),
    SectionType.STRTAB: (".strtab", ".shstrtab"),
    SectionType.ATTRIBUTES: (".ARM.attributes", ".riscv.attributes"),
}
"""Sections that take no memory, each by its own name: GNU ld lets a script place others of such a type by name."""

_SYMBOL_TYPES = frozenset({0, 1, 2, 3, 4})
"""``STT_NOTYPE``, ``OBJECT``, ``FUNC``, ``SECTION``, ``FILE``. ``GNU_IFUNC`` would run code of its own at start."""

AGAIN = "seal it again from its own objects, with this layoutplan"


def own_prefix(component: str) -> str:
    """What the name of every section of a sealed component begins with, its dot included: `net` is not `net-tx`."""
    return f".lp.{component}."


def own_memory(component: str) -> str:
    """The symbol of a component's linear memory."""
    return f"__lp_{component.replace('-', '_')}_linear_memory_start"


def violations(
    component: Component, found: RelocatableObject, wanted: Collection[str], allowed: Collection[str]
) -> list[Fault]:
    """Everything that keeps ``found`` from being a sealed object of ``component``.

    ``wanted`` are the names that it defines for others, exactly those; ``allowed`` the names that it may leave to the
    final link, beside the start of its own linear memory.
    """
    faults = refusals(found)
    told = {fault.where for fault in faults}
    for section in found.elf.sections:
        why = _section(component, found, section)
        where = f"{found.name}: section {section.index}"
        if why and where not in told:
            undotted = section.allocated and not section.name.startswith(own_prefix(component.name))
            hint = "begin the names of the component's own sections with a dot" if undotted else AGAIN
            faults.append(Fault(code="not-sealed", message=f"`{section.name}` {why}", where=where, hint=hint))
    faults += _relocations(found)
    faults += _symbols(found, wanted)
    faults += (
        open_name(component, name) for name in sorted(found.undefined - {*allowed, *wanted, own_memory(component.name)})
    )
    return faults


def kept(found: RelocatableObject, section: Section) -> bool:
    """Whether a section is of a kind that a sealed object has, whatever is wrong with it otherwise."""
    if section.type in (SectionType.REL, SectionType.RELA):
        return target_of(found, section) is not None
    return section.allocated or section.type == SectionType.NULL or section.name in _TABLES.get(section.type, ())


def _section(component: Component, found: RelocatableObject, section: Section) -> str:
    """What is wrong with one section, empty when nothing is."""
    if section.type == SectionType.NULL:
        return ""
    if section.type in (SectionType.REL, SectionType.RELA):
        return _relocation_section(found, section)
    if not section.allocated:
        if section.name in _TABLES.get(section.type, ()) and not section.flags:
            return ""
        return f"of type {section.type:#x} takes no memory, and a linker may act on it or place it by its name"
    if section.type not in _TYPES:
        return f"takes memory and is of type {section.type:#x}, which is neither data nor zeros"
    other = int(section.flags) & ~int(_FLAGS)  # as integers: an IntFlag's complement has the named bits only
    if other:
        return f"has flags {other:#x}, which mean more to a linker than memory"
    prefix = own_prefix(component.name)
    if not section.name.startswith(prefix) or section.name == prefix:
        return f"is not among the names `{prefix}*` of `{component.name}`, and another could be meant by it"
    return ""


def _relocation_section(found: RelocatableObject, section: Section) -> str:
    elf = found.elf
    if target_of(found, section) is None:
        return "relocates a section that takes no memory"
    if section.link >= len(elf.sections) or elf.sections[section.link].type != SectionType.SYMTAB:
        return "holds relocations of no symbol table"
    if int(section.flags) & ~int(SectionFlag.INFO_LINK):
        return f"holds relocations and has flags {section.flags:#x}"
    rows = (other for other in elf.sections if other.type in (SectionType.REL, SectionType.RELA))
    if any(other.info == section.info and other.index < section.index for other in rows):
        return "relocates a section for the second time, and linkers differ about that"
    return ""


def _relocations(found: RelocatableObject) -> Iterator[Fault]:
    """Neither linker holds a relocation to its section: one past the end patches what lies behind."""
    for section, row in relocations(found):
        target = target_of(found, section)
        if target is not None and not _inside(found, target, row):
            text = f"`{target.name}` of {target.size} bytes has a relocation at {row.offset:#x} that reaches beyond it"
            yield Fault(code="not-sealed", message=text, where=f"{found.name}: section {section.index}", hint=AGAIN)
            return


def _inside(found: RelocatableObject, target: Section, row: Relocation) -> bool:
    return row.offset + row.width <= target.size and row.symbol <= len(found.elf.symbols)


def _symbols(found: RelocatableObject, wanted: Collection[str]) -> Iterator[Fault]:
    by_name: dict[str, Symbol] = {}
    for symbol in found.elf.symbols:
        why = _symbol(found, symbol, wanted)
        if why:
            yield Fault(code="not-sealed", message=f"symbol `{symbol.name}` {why}", where=found.name, hint=AGAIN)
        if symbol.is_global and not symbol.undefined:
            by_name[symbol.name] = symbol
    for name in wanted:
        if name not in by_name:
            yield Fault(code="no-entry", message=f"`{name}` is not defined", where=found.name, hint=AGAIN)


def _symbol(found: RelocatableObject, symbol: Symbol, wanted: Collection[str]) -> str:
    """What is wrong with one symbol, empty when nothing is."""
    if symbol.binding is Binding.OTHER:
        return "is neither local nor global nor weak, and may be bound in spite of being sealed"
    if symbol.type not in _SYMBOL_TYPES:
        return f"is of type {symbol.type}, which is no function and no data"
    if symbol.undefined:
        return "" if symbol.is_global or not symbol.name else "is local and undefined"
    if symbol.common:
        return "is a tentative definition without memory"
    if not symbol.is_global:
        return ""
    if symbol.name not in wanted:
        return "is visible, and neither the entry nor an export"
    # An absolute entry would start the task wherever the object says.
    if symbol.section is None or not found.elf.sections[symbol.section].allocated:
        return "is at no place in the component's own sections"
    return ""
