"""Blocks as output sections, symbols, and rows of the initialisation table."""

from __future__ import annotations

from collections.abc import Iterator

from layoutplan.address import align_up
from layoutplan.model.access import Access, Machine
from layoutplan.model.component import LOADED, Component, Role, System
from layoutplan.model.plan import Part, Placement, Plan
from layoutplan.render.lines import BlockLines, InitRow, OutputSection, Symbol
from layoutplan.render.names import input_pattern, output_section, symbol
from layoutplan.render.space import Images, loaded

_SPACE_ONLY = (Role.STACK, Role.HEAP, Role.SHARE)
_FAMILY = {Role.TEXT: "text", Role.RODATA: "rodata", Role.DATA: "data", Role.BSS: "bss"}


def is_shared(placement: Placement) -> bool:
    """Restarting one partition must not clear what others are using."""
    return any(part.role is Role.SHARE for part in placement.block.parts)


def block_lines(system: System, placement: Placement, waiting: Images, memory_prefix: str) -> BlockLines:
    """A block's lines; ``memory_prefix`` goes before the memory's name."""
    block = placement.block
    return BlockLines(
        name=block.name,
        symbol=block.symbol,
        memory=memory_prefix + symbol(placement.memory),
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
    component = _component(system, part)
    inputs, exact = _inputs(component, part)
    space = part.role in _SPACE_ONLY or (part.role is Role.LINEAR_MEMORY and not inputs)
    return OutputSection(
        part=part.name,
        name=output_section(part.name),
        address=placement.granted.base + part.offset,
        size=part.size,
        noload=space,
        filled=space or part.role is Role.LINEAR_MEMORY,
        required=space or exact,
        whole=exact and component is not None and _keeps_its_size(system, component, part, inputs),
        symbol=_own_symbol(part),
        inputs=inputs,
        segment=output_section(part.name)[1:].replace(".", "_") if part.role in LOADED else None,
        rights=5 if part.role is Role.TEXT else 6 if part.role is Role.DATA else 4,
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


def _keeps_its_size(system: System, component: Component, part: Part, patterns: tuple[str, ...]) -> bool:
    """Whether the linker has no reason to make the part smaller than planned.

    It shortens RISC-V code where it relaxes, joins equal constants of all input sections, and lays out in an order of
    its own what one pattern matches more than once. Slack is there to be used or not.
    """
    fixed = part.role in (Role.DATA, Role.BSS) or (part.role is Role.TEXT and system.target.machine is Machine.ARM)
    sections = [section for section in component.sections if section.role is part.role]
    end = 0
    for section in sections:
        end = align_up(end, section.align) + section.size
    return fixed and end == part.size and len(patterns) == len(sections) and not any("?" in one for one in patterns)


def _own_symbol(part: Part) -> str | None:
    """The stem of the symbols of a part that a component finds by name."""
    if part.role in (Role.HEAP, Role.LINEAR_MEMORY) and part.component is not None:
        return f"{symbol(part.component)}_{symbol(part.role)}"
    return None


def block_symbols(plan: Plan) -> Iterator[Symbol]:
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


def init_row(system: System, placement: Placement) -> InitRow | None:
    """The block's row, ``None`` where there is nothing to do.

    Copy what has a load image, zero all above it that the regions expose: nothing old may be left to read.
    """
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
