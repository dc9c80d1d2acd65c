"""What the partitions leave to the kernel, and where in it the load images go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from layoutplan.address import align_down
from layoutplan.model.access import Access
from layoutplan.model.component import LOADED, System
from layoutplan.model.plan import IMAGE_ALIGN, Part, Placement, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Where the first bytes of RAM blocks wait in flash: ``address`` by part name, from ``base`` upward."""

    base: int
    address: Mapping[str, int]


def kernel_space(system: System, plan: Plan, memory: str) -> tuple[int, int]:
    """What the kernel may use of ``memory``: from its origin, or what is reserved there, up to the first block.

    Start and end in bytes, equal when nothing is left.
    """
    whole = system.target.memory(memory).range
    taken = [placement.granted for placement in plan.placements if placement.memory == memory]
    reserved = sorted(reserve.range for reserve in system.reserves if reserve.memory == memory)
    base = whole.base
    for reserve in reserved:
        if reserve.base <= base < reserve.end:
            base = reserve.end
    end = min([whole.end, *(piece.base for piece in (*taken, *reserved) if piece.base >= base)])
    return base, end


def loaded(system: System, placement: Placement) -> tuple[Part, ...]:
    """The parts of a block that start-up has to copy from flash, ascending."""
    if Access.WRITE not in system.target.memory(placement.memory).access:
        return ()
    parts = [part for part in placement.block.parts if part.role in LOADED and part.size]
    return tuple(sorted(parts, key=lambda part: part.offset))


def images(system: System, plan: Plan) -> Images:
    """Load images packed against the lowest block, where neither linker's idea of "next" can move them.

    The parts of one block keep their distances, so that one copy serves the block.
    """
    offsets: dict[str, int] = {}
    total = 0
    for placement in sorted(plan.placements, key=lambda placement: placement.block.name):
        parts = loaded(system, placement)
        if parts:
            offsets.update({part.name: total + part.offset - parts[0].offset for part in parts})
            total += placement.block.load_image
    _, end = kernel_space(system, plan, system.kernel.code_memory)
    base = align_down(end - total, IMAGE_ALIGN)
    return Images(base=base, address={name: base + offset for name, offset in offsets.items()})
