"""Who answers for which byte of a memory. Every byte is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange, align_down, merge, subtract
from layoutplan.model.access import Access
from layoutplan.model.component import System
from layoutplan.model.memory import Memory
from layoutplan.model.plan import Block, Placement, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAccount:
    """The bytes of one memory: ``used + kernel + padding + gap + reserved + free`` is its length.

    ``kernel`` is the declared minimum, with the kernel's stack where its data is and the partitions' load images
    where its code is. ``gap`` is what nobody owns from the lowest block that is not pinned to the memory's end;
    below that block it is ``free``. ``tight_gap`` is what the gap would be with no protection unit to please.
    """

    used: int
    kernel: int
    load_images: int
    padding: int
    gap: int
    reserved: int
    free: int
    tight_gap: int

    @property
    def span(self) -> int:
        """Bytes that the partitions take: used, padding and gap."""
        return self.used + self.padding + self.gap

    @property
    def wasted(self) -> int:
        """Bytes of the span that nobody asked for."""
        return self.padding + self.gap


def account(system: System, plan: Plan, memory: Memory) -> MemoryAccount:
    """The account of ``memory`` under ``plan``."""
    placed = [p for p in plan.placements if p.memory == memory.name]
    reserved = _reserved(system, memory)
    load_images = _load_images(system, plan) if memory.name == system.kernel.code_memory else 0
    kernel = _kernel_minimum(system, memory.name) + load_images
    used = sum(p.block.size for p in placed)
    padding = sum(p.padding for p in placed)
    gap = _unowned_above(_lowest_unpinned(placed), memory, [*(p.granted for p in placed), *reserved])
    reserved_bytes = sum(piece.size for piece in reserved)
    return MemoryAccount(
        used=used,
        kernel=kernel,
        load_images=load_images,
        padding=padding,
        gap=gap,
        reserved=reserved_bytes,
        free=memory.range.size - used - kernel - padding - gap - reserved_bytes,
        tight_gap=_tight_gap(placed, memory, reserved),
    )


def _reserved(system: System, memory: Memory) -> tuple[AddressRange, ...]:
    inside = (r.range.intersection(memory.range) for r in system.reserves if r.memory == memory.name)
    return merge(piece for piece in inside if piece is not None)


def _kernel_minimum(system: System, memory: str) -> int:
    kernel = system.kernel
    code = kernel.code if memory == kernel.code_memory else 0
    return code + (kernel.data + kernel.bss + kernel.stack if memory == kernel.data_memory else 0)


def _load_images(system: System, plan: Plan) -> int:
    """Contents of the blocks in RAM, ``.data`` for the most part: they wait in the kernel's flash to be copied."""
    ram = {memory.name for memory in system.target.memories if Access.WRITE in memory.access}
    return sum(p.block.load_image for p in plan.placements if p.memory in ram)


def _lowest_unpinned(placed: Iterable[Placement]) -> int | None:
    return min((p.granted.base for p in placed if p.block.pin is None), default=None)


def _unowned_above(lowest: int | None, memory: Memory, owned: Iterable[AddressRange]) -> int:
    if lowest is None:
        return 0
    return sum(hole.size for hole in subtract(AddressRange(lowest, memory.range.end), owned))


def _tight_gap(placed: Sequence[Placement], memory: Memory, reserved: Sequence[AddressRange]) -> int:
    """The gap when the same blocks are packed downward in the same order, aligned but not rounded.

    That is what ``isolation = "none"`` does. In the same order it never needs more than the plan does: by induction
    from the top every block lies at least as high.
    """
    fixed = [*(p.used for p in placed if p.block.pin is not None), *reserved]
    owned, position, lowest = list(fixed), memory.range.end, None
    for placement in sorted(placed, key=lambda p: p.granted.base, reverse=True):
        block = placement.block
        if block.pin is None:
            position = lowest = _highest_base(block, position, fixed)
            owned.append(AddressRange.of(position, block.size))
    return _unowned_above(lowest, memory, owned)


def _highest_base(block: Block, top: int, fixed: Sequence[AddressRange]) -> int:
    base = align_down(top - block.size, block.align)
    for obstacle in sorted(fixed, reverse=True):
        if obstacle.overlaps(AddressRange.of(base, block.size)):
            base = align_down(obstacle.base - block.size, block.align)
    return base


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockShare:
    """What one owner has of a block: its bytes, with the alignment before them, and its share of the padding."""

    owner: str
    used: int
    padding: int


def block_shares(placement: Placement) -> tuple[BlockShare, ...]:
    """The owners of a block (component names, or the block's partition where there is none), in order of address.

    Filler between two parts belongs to the upper one, whose alignment asks for it. Both columns sum to the block's.
    """
    used: dict[str, int] = {}
    position = 0
    for part in sorted(placement.block.parts, key=lambda part: part.offset):
        owner = part.component or placement.block.partition
        used[owner] = used.get(owner, 0) + max(0, part.offset + part.size - position)
        position = max(position, part.offset + part.size)
    if position < placement.block.size:
        last = next(reversed(used), placement.block.partition)
        used[last] = used.get(last, 0) + placement.block.size - position
    padding = proportional(placement.padding, used)
    return tuple(BlockShare(owner=owner, used=size, padding=padding[owner]) for owner, size in used.items())


def proportional(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """``total`` in whole parts by ``weights``; the largest remainders get the bytes left over, ties by name."""
    whole = sum(weights.values())
    if whole == 0:
        return {name: total if i == 0 else 0 for i, name in enumerate(sorted(weights))}
    parts = {name: total * weight // whole for name, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda name: (-(total * weights[name] % whole), name))
    for name in by_remainder[: total - sum(parts.values())]:
        parts[name] += 1
    return parts
