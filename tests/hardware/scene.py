"""The stage of the attacks, read from a plan: tasks, who holds which bytes, and where everything else lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from layoutplan.address import AddressRange, subtract
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import Role
from layoutplan.model.plan import Slot
from tests.hardware.build import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What attacks are made from: the image's tasks, who holds which bytes, and where everything else lies."""

    image: Image
    tasks: tuple[str, ...]
    partitions: tuple[str, ...]
    partition_of: Mapping[int, int]
    stacks: Mapping[int, AddressRange]
    grants: Mapping[str, tuple[tuple[str, AddressRange, Access], ...]] = field(repr=False)

    def held(self, partition: str, address: int) -> Access:
        """What the plan lets ``partition`` do at ``address``."""
        access = Access.NONE
        for _, piece, rights in self.grants[partition]:
            if address in piece:
                access |= rights
        return access

    def device(self, address: int) -> AddressRange | None:
        """The peripheral at ``address``."""
        devices = (device.range for device in self.image.system.target.peripherals)
        return next((piece for piece in devices if address in piece), None)

    def in_memory(self, address: int) -> bool:
        """Whether the kernel can read a byte there."""
        return any(address in memory.range for memory in self.image.system.target.memories)

    def bss(self, task: int) -> int:
        """The address of zeroed memory that the task's component does not use itself."""
        for placement in self.image.plan.placements:
            for part in placement.block.parts:
                if part.component == self.tasks[task] and part.role is Role.BSS:
                    return placement.granted.base + part.offset
        raise ValueError(f"{self.tasks[task]} has no zeroed memory")


def scene(image: Image) -> Scene:
    """Read the plan of ``image``."""
    system, plan = image.system, image.plan
    partitions = tuple(sorted(partition.name for partition in system.partitions))
    tasks = tuple(sorted(task.name for task in system.tasks))
    home = {task.name: task.partition for task in system.tasks}
    grants: dict[str, list[tuple[str, AddressRange, Access]]] = {name: [] for name in partitions}
    stacks = {}
    for placement in plan.placements:
        for name, rights in placement.block.granted_to.items():
            grants[name].append((placement.block.name, placement.granted, rights))
        for part in placement.block.parts:
            if part.role is Role.STACK:
                where = AddressRange.of(placement.granted.base + part.offset, part.size)
                stacks[tasks.index(part.name.removesuffix(".stack"))] = where
    for grant in plan.peripherals:
        grants[grant.partition].extend((grant.name, piece, Access.RW) for piece in grant.cover)
    return Scene(
        image=image,
        tasks=tasks,
        partitions=partitions,
        partition_of={index: partitions.index(home[name]) for index, name in enumerate(tasks)},
        stacks=stacks,
        grants={name: tuple(rows) for name, rows in grants.items()},
    )


def blocks(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Every block with its padding, and every peripheral of the chip."""
    for placement in scene.image.plan.placements:
        yield placement.block.name, placement.granted
        if placement.padding:
            yield f"{placement.block.name}-padding", AddressRange(placement.used.end, placement.granted.end)
    for device in scene.image.system.target.peripherals:
        yield device.name, device.range


def gaps(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Bytes of the memories that nobody owns, or the kernel."""
    granted = [placement.granted for placement in scene.image.plan.placements]
    for memory in scene.image.system.target.memories:
        for number, gap in enumerate(subtract(memory.range, granted)):
            yield f"{memory.name}-gap-{number}", gap


def kernel(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """The kernel's own, by symbol: code, vectors, table, stack, saved contexts.

    Without isolation there is no table of regions, and nobody keeps the others' symbols.
    """
    symbols = scene.image.symbols
    table = ("LP_DYNAMIC", "LP_GRANTS", "LP_TASKS", "LP_ENTRIES") if any(scene.image.plan.registers.values()) else ()
    for name in (*table, "LP_STEPS", "__lp_hash", "__lp_init_start"):
        yield name, AddressRange.of(symbols[name], 8)
    yield "kernel-stack", AddressRange(symbols["__lp_kernel_stack_start"], symbols["__lp_kernel_stack_end"])
    yield "kernel-data", AddressRange(symbols["__lp_kernel_data_start"], symbols["__lp_kernel_bss_end"])
    for name, address in symbols.items():
        if name.endswith(("LP_TCB_CONTEXTS", "LP_TCB_RECORDS", "INTERRUPTED", "RUNNING")):
            yield name, AddressRange.of(address, 8)


def aliases(scene: Scene) -> Iterator[tuple[str, AddressRange]]:
    """Second addresses of the blocks' bytes."""
    for name, piece in blocks(scene):
        for number, alias in enumerate(scene.image.system.target.aliases):
            inside = piece.intersection(alias.target)
            if inside is not None:
                base = alias.view.base + (inside.base - alias.target.base) * alias.scale
                yield f"{name}-alias-{number}", AddressRange.of(base, inside.size * alias.scale)


def edge_addresses(scene: Scene, more: Sequence[Slot] = ()) -> list[int]:
    """Both sides of every edge of the plan's register files and of ``more``, where there is memory or a device."""
    unit = scene.image.plan.unit
    files = (*scene.image.plan.registers.values(), more)
    sides = {side for slots in files for edge in region_edges(unit, slots) for side in (edge - 1, edge)}
    return sorted(side for side in sides if scene.in_memory(side) or scene.device(side))


def region_edges(unit: UnitName, slots: Sequence[Slot]) -> Iterator[int]:
    """Where permissions may change in a register file, by the registers' own manuals."""
    below = 0
    for slot in slots:
        first, second = slot.words
        if unit is UnitName.ARMV8M and second & 1:
            yield from (first & ~0x1F, (second | 0x1F) + 1)
        elif unit in (UnitName.ARMV6M, UnitName.ARMV7M) and second & 1:
            size = 2 << (second >> 1 & 0x1F)
            step = size // 8 if size >= 256 else size
            yield from range(first & ~0x1F, (first & ~0x1F) + size + 1, step)
        elif unit is UnitName.PMP:
            mode, bottom, below = second >> 3 & 3, below, first << 2
            size = 8 << ((first ^ (first + 1)).bit_length() - 1)
            base = first << 2 & -size
            yield from {0: (), 1: (bottom, first << 2), 2: (first << 2, (first << 2) + 4), 3: (base, base + size)}[mode]
