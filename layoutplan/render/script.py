"""The data of a linker script, standalone or beside a run-time crate's own."""

from __future__ import annotations

from dataclasses import dataclass

from layoutplan.address import align_up
from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Access, Isolation, Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Plan
from layoutplan.render.assertions import assertions
from layoutplan.render.blocks import block_lines, block_symbols, init_row, is_shared
from layoutplan.render.identity import plan_hash
from layoutplan.render.lines import Assertion, BlockLines, InitRow, MemoryLine, Symbol
from layoutplan.render.names import symbol
from layoutplan.render.space import images, kernel_space

KERNEL_STACK_ALIGN = 16
"""The strictest that a procedure call standard asks of a stack pointer (RISC-V)."""

RUNTIME_PREFIX = "lp_"
"""Before a memory's name beside a run-time crate, whose own names are the kernel's share of a memory."""

DEBUG_SECTIONS = tuple(
    f".debug_{name}"
    for name in (
        *("abbrev", "addr", "aranges", "frame", "gdb_scripts", "info", "line", "line_str", "loc", "loclists", "macro"),
        *("names", "pubnames", "pubtypes", "ranges", "rnglists", "str", "str_offsets", "types"),
    )
)
"""DWARF's sections, which a standalone script names so that no section is left to the linker's taste."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that a script's template needs.

    The kernel's vectors are at ``flash_start``, or behind its stack where one memory holds both (``None``). Its code
    and constants end by ``code_end``, at or below the load images; its data ends by ``ram_end``. ``code_memory`` and
    ``data_memory`` are the kernel's entries among ``memories``.
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
    code_end: int
    blocks: tuple[BlockLines, ...]
    symbols: tuple[Symbol, ...]
    private_rows: tuple[InitRow, ...]
    shared_rows: tuple[InitRow, ...]
    assertions: tuple[Assertion, ...]


def script(
    system: System, plan: Plan, *, limits: tuple[int, int] | None = None, beside_runtime: bool = False
) -> Script:
    """Prepare the script of ``plan``. Every number in it comes from the plan; nothing is decided here.

    ``limits`` end the kernel's code and its data where a table leaves it less than the partitions do.
    """
    kernel = system.kernel
    prefix = RUNTIME_PREFIX if beside_runtime else ""
    waiting = images(system, plan)
    blocks = tuple(
        block_lines(system, placement, waiting, prefix)
        for placement in sorted(plan.placements, key=lambda placement: placement.granted.base)
    )
    flash_start, _ = kernel_space(system, plan, kernel.code_memory)
    ram_start, ram_end = kernel_space(system, plan, kernel.data_memory)
    stack = align_up(kernel.stack, KERNEL_STACK_ALIGN)
    one_memory = kernel.code_memory == kernel.data_memory
    memories = tuple(_memory(system, plan, memory.name, prefix) for memory in system.target.memories)
    code_memory, data_memory = symbol(kernel.code_memory), symbol(kernel.data_memory)
    if beside_runtime:
        _need_stack(system)
        code_start = ram_start + stack if one_memory else flash_start
        own = [_kernel_memory("lp_kernel_stack", ram_start, ram_start + stack, "rw")]
        own.append(_kernel_memory("lp_kernel_code", code_start, waiting.base, "rwx" if one_memory else "rx"))
        if not one_memory:
            own.append(_kernel_memory("lp_kernel_data", ram_start + stack, ram_end, "rw"))
        memories += tuple(own)
        code_memory, data_memory = "lp_kernel_code", own[-1].name
    by_name = sorted(plan.placements, key=lambda placement: placement.block.name)
    rows = [(placement, row) for placement in by_name if (row := init_row(system, placement))]
    return Script(
        hash=plan_hash(system, plan),
        entry="Reset" if system.target.machine is Machine.ARM else "_start",
        isolated=plan.unit is not UnitName.NONE or Isolation.SOFTWARE in plan.isolation,
        memories=memories,
        code_memory=code_memory,
        data_memory=data_memory,
        flash_start=None if one_memory else flash_start,
        ram_start=ram_start,
        ram_end=ram_end if limits is None else min(ram_end, limits[1]),
        kernel_stack=stack,
        code_end=waiting.base if limits is None else min(waiting.base, limits[0]),
        blocks=blocks,
        symbols=tuple(block_symbols(plan)),
        private_rows=tuple(row for placement, row in rows if not is_shared(placement)),
        shared_rows=tuple(row for placement, row in rows if is_shared(placement)),
        assertions=tuple(assertions(memories, blocks)),
    )


def _memory(system: System, plan: Plan, name: str, prefix: str) -> MemoryLine:
    """The memory, less what is reserved at its very bottom: what comes first in it starts behind that."""
    memory = system.target.memory(name)
    attributes = "rwx" if Access.WRITE in memory.access else "rx"
    origin, _ = kernel_space(system, plan, name)
    return MemoryLine(
        name=prefix + symbol(name), attributes=attributes, origin=origin, length=memory.range.end - origin
    )


def _kernel_memory(name: str, start: int, end: int, attributes: str) -> MemoryLine:
    return MemoryLine(name=name, attributes=attributes, origin=start, length=max(end - start, 0))


def _need_stack(system: System) -> None:
    """A run-time crate puts the stack at the end of the kernel's RAM unless the script has another place for it."""
    if system.kernel.stack == 0:
        text = "beside a run-time crate the kernel's stack has to be planned, and its size is not given"
        where = system.location("kernel.stack")
        raise BadInput([Fault(code="kernel-stack", message=text, where=where, hint='[kernel] stack = "2K"')])
