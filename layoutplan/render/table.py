"""The data of ``region_table.rs``: what the switch code reads, and what rustc checks it against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from layoutplan.address import AddressRange, merge
from layoutplan.model.access import Access, Isolation, Machine, UnitName
from layoutplan.model.component import Role, System, Task
from layoutplan.model.memory import PmpTraits
from layoutplan.model.plan import Placement, Plan, Slot
from layoutplan.protection.armv8m import MAIR0, MAIR1
from layoutplan.render.identity import plan_hash
from layoutplan.render.names import constant
from layoutplan.render.stored import ENTRIES_PER_CFG, config_words, is_closed, stored_words, type_field
from layoutplan.render.templates import fill

KERNEL_CODE = "kernel code"
"""The owner of the regions over the kernel's code, which alone of its regions are executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of numbers and what they mean."""

    words: tuple[int, ...]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionRows:
    """One partition's rewritten slots, in the order in which a switch writes them."""

    name: str
    constant: str
    rows: tuple[Row, ...]
    configs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A task and the symbol of its entry point, resolved by the linker."""

    task: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything that the table's template needs.

    ``attributes`` are MPU_MAIR0 and MPU_MAIR1. ``pmp``, ``fixed`` (number and configuration of entries that cannot be
    written), ``types``, ``shared`` and what is the ``kernel``'s with Smepmp are for the checks alone.
    """

    hash: int
    unit: UnitName
    machine: Machine
    isolated: bool
    reserved: int
    attributes: tuple[int, int]
    pmp: PmpTraits
    fixed: tuple[Row, ...]
    first_static: int
    first_dynamic: int
    static: tuple[Row, ...]
    partitions: tuple[PartitionRows, ...]
    grants: tuple[Row, ...]
    tasks: tuple[Row, ...]
    entries: tuple[Entry, ...]
    interrupts: tuple[Row, ...]
    software: tuple[Row, ...]
    background: bool
    smepmp: bool
    kernel: tuple[Row, ...]
    kernel_entries: int
    types: tuple[Row, ...]
    shared: tuple[Row, ...]
    digest: int


def region_table(system: System, plan: Plan) -> str:
    """The text of ``region_table.rs``."""
    return fill("region_table.rs.j2", table=table(system, plan), per_config=ENTRIES_PER_CFG)


def table(system: System, plan: Plan) -> Table:
    """Prepare the table of ``plan``. Partitions and tasks are numbered by their sorted names."""
    names = sorted(partition.name for partition in system.partitions)
    tasks = sorted(system.tasks, key=lambda task: task.name)
    isolated = plan.unit is not UnitName.NONE
    static = tuple(_static(plan)) if isolated else ()
    partitions = tuple(
        PartitionRows(
            name=name,
            constant=constant(name),
            rows=tuple(_dynamic(plan, name)) if isolated else (),
            configs=config_words(plan, name) if plan.unit is UnitName.PMP else (),
        )
        for name in names
    )
    grants = tuple(_grants(plan, names)) if isolated else ()
    stacks = tuple(_stack(plan, task, names) for task in tasks)
    interrupts = tuple(_interrupts(system, tasks))
    software = tuple(_software(plan, names)) if Isolation.SOFTWARE in plan.isolation else ()
    number = plan_hash(system, plan)
    rows = [*static, *(row for partition in partitions for row in partition.rows), *grants, *stacks, *interrupts]
    rows += [Row(words=partition.configs, comment="") for partition in partitions]
    rows += software
    return Table(
        hash=number,
        unit=plan.unit,
        machine=system.target.machine,
        isolated=isolated,
        reserved=plan.slots.reserved if isolated else 0,
        attributes=(MAIR0, MAIR1) if plan.unit is UnitName.ARMV8M else (0, 0),
        pmp=system.target.pmp,
        fixed=tuple(
            Row(words=(entry.index, entry.config), comment=f"entry {entry.index}")
            for entry in system.target.pmp.fixed
            if entry.hardwired
        ),
        first_static=plan.slots.first_static if isolated else 0,
        first_dynamic=plan.slots.first_dynamic if isolated else 0,
        static=static,
        partitions=partitions,
        grants=grants,
        tasks=stacks,
        entries=tuple(Entry(task=task.name, symbol=task.entry) for task in tasks),
        interrupts=interrupts,
        software=software,
        background=system.kernel.background,
        smepmp=system.smepmp,
        kernel=tuple(_kernel(plan)) if system.smepmp else (),
        kernel_entries=sum(len(region.words) for region in plan.background),
        types=tuple(_types(system, plan)) if isolated else (),
        shared=tuple(_shared(plan)) if isolated else (),
        digest=_digest(number, rows),
    )


def _static(plan: Plan) -> Iterator[Row]:
    """The slots written once at boot; every partition's registers agree on them."""
    for slots in list(plan.registers.values())[:1]:
        first = plan.slots.first_static
        for slot in slots[first : first + plan.slots.static]:
            yield _slot_row(plan, slot)


def _dynamic(plan: Plan, partition: str) -> Iterator[Row]:
    first = plan.slots.first_dynamic
    for slot in plan.registers[partition][first : first + plan.slots.dynamic]:
        yield _slot_row(plan, slot)


def _slot_row(plan: Plan, slot: Slot) -> Row:
    what = ", ".join(f"{owner} {_granted_range(plan, owner)}" for owner in slot.owners) or "off"
    if any(p.block.name == slot.owner and p.denied for p in plan.placements) and is_closed(plan.unit, slot.words):
        what = f"denies what is matched beyond {what}"
    return Row(words=stored_words(plan.unit, slot), comment=f"slot {slot.index}: {what}")


def _granted_range(plan: Plan, owner: str) -> str:
    """The whole range of which a slot matches all or a piece."""
    granted = [placement.granted for placement in plan.placements if placement.block.name == owner]
    granted += [grant.range for grant in plan.peripherals if grant.name == owner]
    granted += [piece for region in plan.background if region.owner == owner for piece in region.ranges]
    return " ".join(map(str, granted))


def _grants(plan: Plan, names: list[str]) -> Iterator[Row]:
    """Who may touch what, as the regions expose it, so that the words can be compared with it."""
    granted: list[tuple[str, AddressRange, Access, str]] = []
    for placement in plan.placements:
        for name, access in placement.block.granted_to.items():
            granted.append((name, placement.granted, access, placement.block.name))
    for grant in plan.peripherals:
        granted += [(grant.partition, piece, Access.RW, grant.name) for piece in merge(grant.cover)]
    for name, piece, access, what in sorted(granted, key=lambda row: (row[0], row[1])):
        yield Row(
            words=(names.index(name), piece.base, piece.end, int(access)),
            comment=f"{name}: {what} {piece} {access.letters}",
        )


def _stack(plan: Plan, task: Task, names: list[str]) -> Row:
    for placement in plan.placements:
        for part in placement.block.parts:
            if part.role is Role.STACK and part.name == f"{task.name}.stack":
                piece = AddressRange.of(placement.granted.base + part.offset, part.size)
                return Row(words=(piece.base, piece.end, names.index(task.partition)), comment=f"{task.name} {piece}")
    raise ValueError(f"the plan has no stack for task {task.name}")


def _interrupts(system: System, tasks: list[Task]) -> Iterator[Row]:
    """Interrupt number and the task that it wakes: the component's own, else its first by name."""
    for component in sorted(system.components, key=lambda component: component.name):
        own = [index for index, task in enumerate(tasks) if task.component == component.name]
        named = [index for index in own if tasks[index].name == component.name]
        for number in sorted(component.interrupts):
            task = (named or own)[0]
            yield Row(words=(number, task), comment=f"interrupt {number} wakes {tasks[task].name}")


def _software(plan: Plan, names: list[str]) -> Iterator[Row]:
    """Bounds by partition; of one without a linear memory all zero, so that its checks let nothing through."""
    for name in names:
        bounds = plan.software.get(name)
        if bounds is None:
            yield Row(words=(0, 0, 0), comment=f"{name}: no linear memory")
        else:
            piece = AddressRange.of(bounds.base, bounds.size)
            yield Row(words=(bounds.base, bounds.size, bounds.mask), comment=f"{name}: {piece}")


def _types(system: System, plan: Plan) -> Iterator[Row]:
    """Where regions may lie, and with which memory attributes, as the words have them."""
    fields = {
        owner: type_field(plan.unit, slot.words)
        for registers in plan.registers.values()
        for slot in registers
        for owner in slot.owners
    }
    pieces: dict[str, set[AddressRange]] = {}
    for placement in plan.placements:
        whole = system.target.memory(placement.memory).range
        pieces.setdefault(placement.block.name, set()).add(whole)
    for grant in plan.peripherals:
        pieces.setdefault(grant.name, set()).update(merge(grant.cover))
    for region in plan.background:
        pieces.setdefault(region.owner, set()).update(region.ranges)
    rows = {(piece, fields[name]) for name, ranges in pieces.items() if name in fields for piece in ranges}
    for piece, field in sorted(rows):
        yield Row(words=(piece.base, piece.end, field), comment=str(piece))


def _kernel(plan: Plan) -> Iterator[Row]:
    """What M-mode may reach with Smepmp, as its regions expose it."""
    for region in plan.background:
        access = Access.RX if region.owner == KERNEL_CODE else Access.RW
        for piece in region.ranges:
            yield Row(words=(piece.base, piece.end, int(access)), comment=f"{region.owner} {piece} {access.letters}")


def _shared(plan: Plan) -> Iterator[Row]:
    """What more than one partition may touch; all other grants must be disjoint."""
    for placement in sorted(plan.placements, key=_base):
        if len(placement.block.granted_to) > 1:
            piece = placement.granted
            yield Row(words=(piece.base, piece.end), comment=f"{placement.block.name} {piece}")


def _base(placement: Placement) -> int:
    return placement.granted.base


def _digest(number: int, rows: Iterable[Row]) -> int:
    """FNV-1a over whole words: each step is a bijection, so that no single changed word gives the same end."""
    state = 0xCBF2_9CE4_8422_2325
    for word in (number, *(word for row in rows for word in row.words)):
        state = (state ^ word) * 0x0100_0000_01B3 & 0xFFFF_FFFF_FFFF_FFFF
    return state
