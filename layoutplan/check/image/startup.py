"""What start-up does to the partitions' memory, and on which stack: ``LP_INIT`` and the kernel's stack.

Both are privileged work from numbers in the image, before any region is on. A row that copies too much hands one
partition's initial data to another; a stack elsewhere lets a partition rewrite the kernel's return addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import SHT_NOBITS, ElfImage
from layoutplan.check.image.parts import ImageParts, part_name
from layoutplan.check.owners.facts import Facts, PlacedBlock, Tenure
from layoutplan.check.owners.wanted import wanted
from layoutplan.check.switch.table import RegionTable
from layoutplan.model.access import Access, Kind, Machine, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.evidence import Finding

STACK_SECTION = ".lp.kernel.stack"
_LOADED = (Role.TEXT, Role.RODATA, Role.DATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A row of ``LP_INIT``; ``private`` rows are run again when their partition restarts."""

    load: int
    start: int
    copied: int
    zeroed: int
    private: bool

    @property
    def end(self) -> int:
        return self.start + self.copied + self.zeroed


def init_rows(system: System, image: ElfImage, parts: ImageParts, table: RegionTable | None) -> Iterator[Finding]:
    """One row for each writable block: it copies the block's load images, all and only those, and zeroes the rest."""
    if table is None and system.unit is not UnitName.NONE:  # nothing to hold the rows against; that is reported
        return
    rows = _rows(image)
    if rows is None:
        yield Finding(rule="init", message="`__lp_init_start`, `_shared` and `_end` do not enclose loaded rows")
        return
    writable = {memory.name for memory in system.target.memories if Access.WRITE in memory.access}
    for block in parts.blocks:
        if block.memory not in writable:
            continue
        end = _granted_end(image, block, table)
        own = [row for row in rows if block.used.base <= row.start < max(end, block.used.end)]
        rows = [row for row in rows if row not in own]
        yield from (
            Finding(rule="init", partition=block.owner, range=block.used, message=f"LP_INIT and `{block.name}`: {why}")
            for why in _block(system, image, parts, block, end, own)
        )
    for row in rows:
        message = f"a row of LP_INIT writes {row.copied + row.zeroed} B from {row.start:#010x}, in no partition's block"
        yield Finding(rule="init", message=message)


def _rows(image: ElfImage) -> list[_Row] | None:
    bounds = [image.symbol(f"__lp_init_{name}") for name in ("start", "shared", "end")]
    start, shared, end = (None if symbol is None else symbol.value for symbol in bounds)
    if start is None or shared is None or end is None or not start <= shared <= end:
        return None
    words = image.words(start, (end - start) // 4)
    if words is None or (shared - start) % 16 or (end - start) % 16:
        return None
    made = []
    for at in range(0, len(words), 4):
        load, address, copied, zeroed = words[at : at + 4]
        if copied + zeroed:
            private = start + 4 * at < shared
            made.append(_Row(load=load, start=address, copied=copied, zeroed=zeroed, private=private))
    return made


def _granted_end(image: ElfImage, block: PlacedBlock, table: RegionTable | None) -> int:
    """Where the bytes end that regions expose, which LP_GRANTS is held to; without isolation the script's word."""
    if table is not None:
        ends = [grant.end for grant in table.grants if grant.start <= block.used.base and block.used.end <= grant.end]
        return min(ends, default=block.used.end)
    symbol = image.symbol(f"{block.stem}_granted_end")
    return block.used.end if symbol is None else symbol.value


def _block(
    system: System, image: ElfImage, parts: ImageParts, block: PlacedBlock, end: int, rows: list[_Row]
) -> Iterator[str]:
    """What is wrong with the rows of one block, whose exposed bytes end at ``end``."""
    own = sorted((parts.sections[part.name] for part in block.parts), key=lambda section: section.address)
    loaded = [section for section in own if section.type != SHT_NOBITS]
    stacks = [
        parts.sections[name].range.end for task in system.tasks if (name := f"{task.name}.stack") in _names(block)
    ]
    above = max(stacks, default=block.used.base)
    start = loaded[0].address if loaded else above
    copied = loaded[-1].range.end - start if loaded else 0
    if len(rows) != 1:
        if rows or loaded or start < end:
            yield f"{len(rows)} rows, not one"
        return
    row = rows[0]
    if row.private is (block.kind is Kind.SHARED):
        yield "a restarting partition would run it" if row.private else "a restarting partition would leave it out"
    # Parts that are planned and not linked have a place in the copy, and nothing in the image to hold it against.
    exact = not any(
        part_name(part) not in parts.sections
        and part.key[1] in _LOADED
        and (part.owner, part.kind) == (block.owner, block.kind)
        for part in wanted(system)
    )
    inside = above <= row.start <= start and start + copied <= row.start + row.copied <= block.used.end
    if (row.start, row.copied) != (start, copied) and (exact or not inside):
        yield f"copies {row.copied} B to {row.start:#010x} where {copied} B at {start:#010x} have load images"
    if any(image.load_address(section) != row.load + section.address - row.start for section in loaded):
        yield f"copies from {row.load:#010x}, which is not where the bytes are loaded"
    elif row.copied and any(_foreign(image, parts, block, row)):
        yield "copies what is loaded for another"
    if row.end != end:
        yield f"zeroes up to {row.end:#010x} where regions expose what lies below {end:#010x}"


def _names(block: PlacedBlock) -> set[str]:
    return {part.name for part in block.parts}


def _foreign(image: ElfImage, parts: ImageParts, block: PlacedBlock, row: _Row) -> Iterator[bool]:
    source = AddressRange.of(row.load, row.copied)
    for section in image.sections:
        load = image.load_address(section) if section.allocated else None
        if load is not None and section not in [parts.sections[name] for name in _names(block)]:
            yield AddressRange.of(load, section.size).overlaps(source)


def kernel_data(image: ElfImage, facts: Facts) -> Iterator[Finding]:
    """Start-up copies between two symbols, into the kernel's memory alone: what reaches a stack, no row clears."""
    start, end = (image.symbol(f"__lp_kernel_data_{name}") for name in ("start", "end"))
    if start is None or end is None or start.value >= end.value:
        return
    filled = AddressRange(start.value, end.value)
    for owner in facts.owners(filled):
        if owner is None or owner.tenure is not Tenure.KERNEL:
            told = "nobody" if owner is None else owner.owner
            message = f"`__lp_kernel_data_start` and `_end` have start-up copy over what is with {told}"
            yield Finding(rule="init", partition="kernel", range=filled, message=message)
            return


def kernel_stack(system: System, image: ElfImage, parts: ImageParts, facts: Facts) -> Iterator[Finding]:
    """The kernel's first stack is the planned one, in memory that is the kernel's alone."""

    def fault(message: str, where: AddressRange | None = None) -> Finding:
        return Finding(rule="kernel-stack", partition="kernel", range=where, message=message)

    start, end = (image.symbol(f"__lp_kernel_stack_{name}") for name in ("start", "end"))
    if start is None or end is None or end.value - start.value < system.kernel.stack:
        message = (
            f"`__lp_kernel_stack_start` and `_end` do not enclose the {system.kernel.stack} B of the kernel's stack"
        )
        yield fault(message)
        return
    if end.value % 8:
        yield fault(f"the kernel's stack ends at {end.value:#010x}, which is not a multiple of 8")
    if start.value < end.value:
        stack = AddressRange(start.value, end.value)
        others = [s.name for s in parts.kernel if s.name != STACK_SECTION and s.range.overlaps(stack)]
        others += [
            o.owner if o else "nobody" for o in facts.owners(stack) if o is None or o.tenure is not Tenure.KERNEL
        ]
        if others:
            yield fault(f"the kernel's stack is shared with {others[0]}", stack)
    if system.target.machine is Machine.ARM:
        for section in parts.kernel:
            words = image.words(section.address, 1) if section.name == ".vector_table" and section.size >= 4 else None
            if words is not None and words[0] != end.value:
                told = f"the core starts with stack pointer {words[0]:#010x}"
                yield fault(
                    f"{told}, and the kernel's stack ends at {end.value:#010x}", AddressRange.of(section.address, 4)
                )
