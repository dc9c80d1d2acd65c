"""The data of a linker script: memories, output sections, symbols, the initialisation table, assertions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import align_up
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import Component, Role, System
from layoutplan.model.plan import Part, Placement, Plan
from layoutplan.render.identity import plan_hash
from layoutplan.render.names import input_pattern, output_section, symbol
from layoutplan.render.space import Images, images, kernel_space, loaded
from layoutplan.render.templates import script_address as address

KERNEL_STACK_ALIGN = 16
"""The strictest that a procedure call standard asks of a stack pointer (RISC-V)."""

DEBUG_SECTIONS = tuple(
    f".debug_{name}"
    for name in (
        *("abbrev", "addr", "aranges", "frame", "gdb_scripts", "info", "line", "line_str", "loc", "loclists", "macro"),
        *("names", "pubnames", "pubtypes", "ranges", "rnglists", "str", "str_offsets", "types"),
    )
)
"""DWARF's sections, which a standalone script names so that no section is left to the linker's taste."""

_SPACE_ONLY = (Role.STACK, Role.HEAP, Role.SHARE)
_FAMILY = {Role.TEXT: "text", Role.RODATA: "rodata", Role.DATA: "data", Role.BSS: "bss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLine:
    """One ``MEMORY`` entry, in bytes."""

    name: str
    attributes: str
    origin: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSection:
    """One part of a block at its address.

    ``symbol`` is the stem of the part's own symbols. ``inputs`` are patterns in the planned order; ``filled`` asks for
    exactly ``size`` bytes; ``load`` is where start-up copies it from, else ``address``: left out, lld would go on from
    the section before. ``required`` sections must not come out empty.
    """

    part: str
    name: str
    memory: str
    address: int
    size: int
    noload: bool
    filled: bool
    required: bool
    symbol: str | None
    inputs: tuple[str, ...]
    load: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLines:
    """A block with its symbols: ``start`` to ``end`` are the bytes asked for, ``granted_end`` what regions expose."""

    name: str
    symbol: str
    memory: str
    start: int
    end: int
    granted_end: int
    access: str
    sections: tuple[OutputSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """An absolute symbol."""

    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRow:
    """Four words of ``LP_INIT`` as expressions: load address, address, bytes to copy, bytes to zero."""

    block: str
    words: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A condition that the linker checks, and what it says otherwise."""

    condition: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that a script's template needs.

    The kernel's vectors are at ``flash_start``, or behind its stack where one memory holds both. Load images begin
    at ``image_base``, below all blocks of the code memory; ``ram_end`` is the lowest block of the data memory.
    """

    hash: int
    entry: str
    isolated: bool
    memories: tuple[MemoryLine, ...]
    code_memory: str
    data_memory: str
    flash_start: int | None
    ram_start: int
    ram_end: int
    kernel_stack: int
    image_base: int
    blocks: tuple[BlockLines, ...]
    symbols: tuple[Symbol, ...]
    private_rows: tuple[InitRow, ...]
    shared_rows: tuple[InitRow, ...]
    assertions: tuple[Assertion, ...]


def script(system: System, plan: Plan) -> Script:
    """Prepare the script of ``plan``. Every number in it comes from the plan; nothing is decided here."""
    kernel = system.kernel
    waiting = images(system, plan)
    blocks = tuple(
        _block(system, placement, waiting)
        for placement in sorted(plan.placements, key=lambda placement: placement.granted.base)
    )
    flash_start, _ = kernel_space(system, plan, kernel.code_memory)
    ram_start, ram_end = kernel_space(system, plan, kernel.data_memory)
    by_name = sorted(plan.placements, key=lambda placement: placement.block.name)
    rows = [(placement, row) for placement in by_name if (row := _init(system, placement))]
    return Script(
        hash=plan_hash(system, plan),
        entry="_start" if system.target.unit is UnitName.PMP else "Reset",
        isolated=plan.unit is not UnitName.NONE,
        memories=tuple(_memory(system, memory.name) for memory in system.target.memories),
        code_memory=kernel.code_memory,
        data_memory=kernel.data_memory,
        flash_start=None if kernel.code_memory == kernel.data_memory else flash_start,
        ram_start=ram_start,
        kernel_stack=align_up(kernel.stack, KERNEL_STACK_ALIGN),
        image_base=waiting.base,
        ram_end=ram_end,
        blocks=blocks,
        symbols=tuple(_symbols(plan)),
        private_rows=tuple(row for placement, row in rows if not _is_shared(placement)),
        shared_rows=tuple(row for placement, row in rows if _is_shared(placement)),
        assertions=tuple(_assertions(system, blocks)),
    )


def _memory(system: System, name: str) -> MemoryLine:
    memory = system.target.memory(name)
    attributes = "rwx" if Access.WRITE in memory.access else "rx"
    return MemoryLine(name=name, attributes=attributes, origin=memory.range.base, length=memory.range.size)


def _is_shared(placement: Placement) -> bool:
    """Restarting one partition must not clear what others are using."""
    return any(part.role is Role.SHARE for part in placement.block.parts)


def _block(system: System, placement: Placement, waiting: Images) -> BlockLines:
    block = placement.block
    return BlockLines(
        name=block.name,
        symbol=block.symbol,
        memory=placement.memory,
        start=placement.used.base,
        end=placement.used.end,
        granted_end=placement.granted.end,
        access=", ".join(f"{name} {rights.letters}" for name, rights in sorted(block.granted_to.items())),
        sections=tuple(_section(system, placement, part, waiting) for part in block.parts if part.size),
    )


def _component(system: System, part: Part) -> Component | None:
    if part.component is None:
        return None
    if system.runtime is not None and system.runtime.name == part.component:
        return system.runtime
    return system.component(part.component)


def _section(system: System, placement: Placement, part: Part, waiting: Images) -> OutputSection:
    inputs, exact = _inputs(_component(system, part), part)
    space = part.role in _SPACE_ONLY or (part.role is Role.LINEAR_MEMORY and not inputs)
    return OutputSection(
        part=part.name,
        name=output_section(part.name),
        memory=placement.memory,
        address=placement.granted.base + part.offset,
        size=part.size,
        noload=space,
        filled=space or part.role is Role.LINEAR_MEMORY,
        required=space or exact,
        symbol=_own_symbol(part),
        inputs=inputs,
        load=waiting.address.get(part.name, placement.granted.base + part.offset),
    )


def _inputs(component: Component | None, part: Part) -> tuple[tuple[str, ...], bool]:
    """Patterns of the part's input sections, and whether they are those of a sealed object.

    A component that is planned on sizes has no object yet; what arrives later under its name is taken in.
    """
    if part.role is Role.SHARE:
        return (output_section(part.name),), False
    if component is None or part.role in _SPACE_ONLY:
        return (), False
    names = dict.fromkeys(
        section.name for section in component.sections if section.role is part.role and section.name.startswith(".lp.")
    )
    if names:
        return tuple(map(input_pattern, names)), component.linked
    family = _FAMILY.get(part.role)
    stem = f".lp.{component.name}.{family}"
    return ((stem, f"{stem}.*") if family else ()), False


def _own_symbol(part: Part) -> str | None:
    """The stem of the symbols of a part that a component finds by name."""
    if part.role in (Role.HEAP, Role.LINEAR_MEMORY) and part.component is not None:
        return f"{symbol(part.component)}_{symbol(part.role)}"
    return None


def _symbols(plan: Plan) -> Iterator[Symbol]:
    """Start and end of each block's used bytes, of heaps and of linear memories."""
    for placement in sorted(plan.placements, key=lambda placement: placement.block.name):
        block = placement.block
        stem = f"__lp_{block.symbol}"
        yield Symbol(name=f"{stem}_start", value=placement.used.base)
        yield Symbol(name=f"{stem}_end", value=placement.used.end)
        yield Symbol(name=f"{stem}_granted_end", value=placement.granted.end)
        for part in block.parts:
            own = _own_symbol(part)
            if own is not None:
                start = placement.granted.base + part.offset
                yield Symbol(name=f"__lp_{own}_start", value=start)
                yield Symbol(name=f"__lp_{own}_end", value=start + part.size)


def _init(system: System, placement: Placement) -> InitRow | None:
    """Copy what has a load image, zero all above it that the regions expose: nothing old may be left to read."""
    if Access.WRITE not in system.target.memory(placement.memory).access:
        return None
    granted_end = f"__lp_{placement.block.symbol}_granted_end"
    parts = loaded(system, placement)
    if parts:
        first, last = output_section(parts[0].name), output_section(parts[-1].name)
        copied = f"ADDR({last}) + SIZEOF({last})"
        words = (f"LOADADDR({first})", f"ADDR({first})", f"{copied} - ADDR({first})", f"{granted_end} - ({copied})")
        return InitRow(block=placement.block.name, words=words)
    stacks = sorted(
        (part.offset + part.size, output_section(part.name))
        for part in placement.block.parts
        if part.role is Role.STACK
    )
    start = f"__lp_{placement.block.symbol}_start"
    if stacks:
        size, stack = stacks[-1]
        if size == placement.granted.size:
            return None
        start = f"ADDR({stack}) + SIZEOF({stack})"
    return InitRow(block=placement.block.name, words=(start, start, "0", f"{granted_end} - ({start})"))


def _assertions(system: System, blocks: tuple[BlockLines, ...]) -> Iterator[Assertion]:
    """The plan once more, in the linker's words: what an edited script or a changed object would break."""
    for memory in system.target.memories:
        origin, length = address(memory.range.base), address(memory.range.size)
        yield Assertion(
            condition=f"ORIGIN({memory.name}) == {origin} && LENGTH({memory.name}) == {length}",
            message=f"layoutplan: memory {memory.name} was planned as {length} bytes at {origin}",
        )
    for block in blocks:
        yield from _block_assertions(block)


def _block_assertions(block: BlockLines) -> Iterator[Assertion]:
    stem = f"__lp_{block.symbol}"
    start, end, granted_end = address(block.start), address(block.end), address(block.granted_end)
    yield Assertion(
        condition=f"{stem}_start == {start} && {stem}_end == {end} && {stem}_granted_end == {granted_end}",
        message=f"layoutplan: {block.name} was planned at {start} to {end}, granted to {granted_end}",
    )
    for section in block.sections:
        where, size = address(section.address), address(section.size)
        if section.symbol is not None:
            stem, start = f"__lp_{section.symbol}", f"ADDR({section.name})"
            yield Assertion(
                condition=f"{stem}_start == {start} && {stem}_end == {start} + SIZEOF({section.name})",
                message=f"layoutplan: the symbols of {section.part} do not enclose it",
            )
        if section.filled:
            yield Assertion(
                condition=f"SIZEOF({section.name}) == {size}",
                message=f"layoutplan: {section.part} was planned as {section.size} bytes",
            )
        else:
            yield Assertion(
                condition=f"SIZEOF({section.name}) <= {size}",
                message=f"layoutplan: {section.part} has outgrown its {section.size} bytes; "
                "solve again or give it slack",
            )
        if section.required:
            yield Assertion(
                condition=f"SIZEOF({section.name}) > 0",
                message=f"layoutplan: {section.part} is empty: is the sealed object of this component linked?",
            )
            yield Assertion(
                condition=f"ADDR({section.name}) == {where}",
                message=f"layoutplan: {section.part} was planned at {where}",
            )
            yield Assertion(
                condition=f"LOADADDR({section.name}) == {address(section.load)}",
                message=f"layoutplan: {section.part} was planned to be loaded from {address(section.load)}",
            )
