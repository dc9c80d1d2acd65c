"""The plan once more, in the linker's words: what an edited script or a changed object would break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layoutplan.render.lines import Assertion, BlockLines, MemoryLine
from layoutplan.render.templates import script_address as address


def assertions(memories: Iterable[MemoryLine], blocks: Iterable[BlockLines]) -> Iterator[Assertion]:
    """What must hold of each memory and each block, whatever the kernel is."""
    for memory in memories:
        origin, length = address(memory.origin), address(memory.length)
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
        if section.whole:
            yield Assertion(
                condition=f"SIZEOF({section.name}) >= {size}",
                message=f"layoutplan: {section.part} is short of its {section.size} bytes: where are they linked?",
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
        if section.required and section.segment is not None:
            yield Assertion(
                condition=f"LOADADDR({section.name}) == {address(section.load)}",
                message=f"layoutplan: {section.part} was planned to be loaded from {address(section.load)}",
            )
