"""The question in numbers: items to place, free intervals of each memory, slot budgets, weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from layoutplan.address import AddressRange, align_down, align_up, subtract
from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.plan import Block, PeripheralGrant
from layoutplan.protection import unit_for
from layoutplan.protection.overlay import with_overlays
from layoutplan.protection.unit import ProtectionUnit, Wholes
from layoutplan.solve.background import background_slots
from layoutplan.solve.blocks import blocks_of, load_images
from layoutplan.solve.hardwired import closing_slots, programmable
from layoutplan.solve.peripherals import device_slots, grants

UNLIMITED = 1 << 20
"""A slot budget where no slot is ever spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A block to place. ``charged`` are the partitions (by index) that pay a slot for each of its regions."""

    index: int
    block: Block
    charged: tuple[int, ...]
    wholes: Wholes


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One memory. ``free`` are the intervals that blocks may use, ascending, reserves and the kernel taken out.

    The kernel's least bytes are in one piece from the memory's origin, or from the end of what is reserved there.
    """

    name: str
    range: AddressRange
    kernel: int
    reserved: tuple[AddressRange, ...]
    free: tuple[AddressRange, ...]

    @property
    def kernel_range(self) -> AddressRange | None:
        """Where the kernel's least bytes are, past the memory's end if they do not fit; ``None`` if it has none."""
        return AddressRange.of(above(self.reserved, self.range.base), self.kernel) if self.kernel else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All that the search and Z3 need.

    ``budgets`` are the slots that each partition may spend on blocks, ``devices`` those that its peripherals take.

    Weights are integers per wasted byte; ``scale`` divides them back to the objective's unit.
    """

    system: System
    unit: ProtectionUnit
    partitions: tuple[str, ...]
    items: tuple[Item, ...]
    spaces: tuple[Space, ...]
    budgets: tuple[int, ...]
    peripherals: tuple[PeripheralGrant, ...]
    devices: tuple[int, ...]
    weights: tuple[int, ...]
    scale: int

    def space(self, name: str) -> int:
        """The index of the memory of that name."""
        for index, space in enumerate(self.spaces):
            if space.name == name:
                return index
        raise KeyError(name)

    def homes(self, item: Item) -> tuple[int, ...]:
        """The memories that may hold ``item``, preferred first; a pin leaves the one that it is in."""
        homes = tuple(self.space(name) for name in item.block.memories)
        if item.block.pin is None:
            return homes
        return tuple(home for home in homes if item.block.pin in self.spaces[home].range)

    @property
    def named_weights(self) -> dict[str, float]:
        """The weights by memory name, as the objective states them."""
        return {space.name: weight / self.scale for space, weight in zip(self.spaces, self.weights, strict=True)}


def above(reserved: Iterable[AddressRange], origin: int) -> int:
    """The first address from ``origin`` on that is in none of ``reserved``."""
    for piece in sorted(reserved):
        if piece.base <= origin < piece.end:
            origin = piece.end
    return origin


def space_of(name: str, memory: AddressRange, granule: int, kernel: int, reserves: Iterable[AddressRange]) -> Space:
    """The memory with its ``reserves`` and the kernel's least bytes taken out, in whole granules."""
    inside = (reserve.intersection(memory) for reserve in reserves)
    space = Space(
        name=name, range=memory, kernel=kernel, reserved=tuple(sorted(part for part in inside if part)), free=()
    )
    own = space.kernel_range
    held = [*space.reserved, own] if own is not None else space.reserved
    free = tuple(
        AddressRange(base, end)
        for gap in subtract(memory, held)
        if (base := align_up(gap.base, granule)) < (end := align_down(gap.end, granule))
    )
    return replace(space, free=free)


def usable_slots(system: System) -> int:
    """Hardware slots for blocks and peripherals: not the kernel's own, the hard-wired ones, nor what closes those."""
    kernel = system.kernel.reserved_slots + background_slots(system)
    return len(programmable(system)) - closing_slots(system) - kernel


def kernel_bytes(system: System, blocks: tuple[Block, ...]) -> dict[str, int]:
    """The kernel's least bytes by memory: its sections, its stack, and load images."""
    kernel = system.kernel
    need = {memory.name: 0 for memory in system.target.memories}
    need[kernel.code_memory] += kernel.code + align_up(kernel.data, 8) + load_images(system, blocks)
    need[kernel.data_memory] += kernel.data + kernel.bss + kernel.stack
    return need


def problem_of(system: System) -> Problem:
    """The question that ``system`` asks. ``BadInput`` for what is wrong with the question itself."""
    target = system.target if system.unit is not UnitName.NONE else replace(system.target, unit=UnitName.NONE)
    unit = unit_for(target)
    if system.kernel.background:
        # Without a background map the kernel has regions of its own, which an overlay would stand above.
        unit = with_overlays(unit, [memory.range for memory in target.memories])
    blocks = blocks_of(system)
    partitions = tuple(sorted(partition.name for partition in system.partitions))
    order = {name: index for index, name in enumerate(partitions)}
    spends = system.unit is not UnitName.NONE
    items = tuple(
        Item(
            index=index,
            block=block,
            charged=tuple(sorted(order[name] for name in block.granted_to)) if spends else (),
            wholes=wholes_of(block, unit) if spends else (),
        )
        for index, block in enumerate(blocks)
    )
    peripherals = grants(system, unit) if spends else ()
    devices = tuple(device_slots(unit, [g for g in peripherals if g.partition == name]) for name in partitions)
    if spends:
        _not_empty(system, partitions, items, devices)
    kernel = kernel_bytes(system, blocks)
    spaces = tuple(_space(system, unit, name, kernel[name]) for name in sorted(kernel))
    weights, scale = _weights(system, spaces)
    return Problem(
        system=system,
        unit=unit,
        partitions=partitions,
        items=items,
        spaces=spaces,
        budgets=tuple(
            _budget(system, name) - count if spends else UNLIMITED
            for name, count in zip(partitions, devices, strict=True)
        ),
        peripherals=peripherals,
        devices=devices,
        weights=weights,
        scale=scale,
    )


def _not_empty(system: System, partitions: Sequence[str], items: Iterable[Item], devices: Sequence[int]) -> None:
    """``BadInput`` for a partition that would have no region: nothing can be proved of it, and nothing would run."""
    paying = {partition for item in items for partition in item.charged}
    empty = [name for index, name in enumerate(partitions) if index not in paying and not devices[index]]
    faults = [
        Fault(
            code="empty-partition",
            message=f"partition `{name}` asks for no byte of any memory, and has no peripheral",
            where=system.location(f"component.{system.partition(name).components[0]}"),
            hint="give its component objects with contents, or `sizes` above zero, or leave it out",
        )
        for name in empty
    ]
    if faults:
        raise BadInput(faults)


def wholes_of(block: Block, unit: ProtectionUnit) -> Wholes:
    """The offsets in ``block`` that no region boundary may cut: stacks, shares, code where fetches span two regions."""
    text = any(part.role is Role.TEXT for part in block.parts)
    if not block.split or (text and not unit.code_may_have_seams):
        # Constants behind the text count too: the fetch of the last instruction may reach into them.
        return ((0, block.size),)
    return tuple((part.offset, part.offset + part.size) for part in block.parts if part.whole)


def _space(system: System, unit: ProtectionUnit, name: str, kernel: int) -> Space:
    reserves = [reserve.range for reserve in system.reserves if reserve.memory == name]
    return space_of(name, system.target.memory(name).range, unit.granule, kernel, reserves)


def _budget(system: System, partition: str) -> int:
    cap = system.partition(partition).slots
    usable = usable_slots(system)
    return usable if cap is None else min(cap, usable)


def _weights(system: System, spaces: tuple[Space, ...]) -> tuple[tuple[int, ...], int]:
    """Integer weights and their common denominator: one over the length unless the manifest weighs memories itself.

    A memory that the manifest's own weights leave out counts one.
    """
    given: Mapping[str, float] = system.weights
    exact = [Fraction(repr(given.get(space.name, 1))) if given else Fraction(1, space.range.size) for space in spaces]
    scale = math.lcm(*(weight.denominator for weight in exact))
    return tuple(int(weight * scale) for weight in exact), scale
