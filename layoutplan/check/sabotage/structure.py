"""Plans whose claims are broken: blocks, slots, memories, peripherals, and the manifest's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.plans import ARM, ARM7, PMP, Broken, Sabotage, free_slot, replaced, rewritten
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import Alias, Memory, MemoryType, Peripheral
from layoutplan.model.plan import Placement, Plan, SoftwareBounds


def _granted_to_one_more(system: System, plan: Plan) -> Broken:
    def change(placement: Placement) -> Placement:
        more = {**placement.block.granted_to, "uart": Access.R}
        return replace(placement, block=replace(placement.block, granted_to=more))

    return system, replaced(plan, "mixer.rodata", change)


def _shorter_part(system: System, plan: Plan) -> Broken:
    def change(placement: Placement) -> Placement:
        parts = placement.block.parts
        parts = (*parts[:-1], replace(parts[-1], size=parts[-1].size - 1))
        return replace(placement, block=replace(placement.block, parts=parts, size=placement.block.size - 1))

    return system, replaced(plan, "mixer.data", change)


def _part_missing(system: System, plan: Plan) -> Broken:
    def change(placement: Placement) -> Placement:
        parts = placement.block.parts[1:]
        return replace(placement, block=replace(placement.block, parts=parts))

    return system, replaced(plan, "mixer.data", change)


def _parts_overlap(system: System, plan: Plan) -> Broken:
    def change(placement: Placement) -> Placement:
        stack, data, bss = placement.block.parts
        return replace(placement, block=replace(placement.block, parts=(stack, replace(data, offset=0), bss)))

    return system, replaced(plan, "mixer.data", change)


def _block_missing(system: System, plan: Plan) -> Broken:
    return system, replace(plan, placements=tuple(p for p in plan.placements if p.block.name != "mixer.rodata"))


def _other_memory(system: System, plan: Plan) -> Broken:
    tcm = Memory(
        name="tcm", range=AddressRange.of(0x1000_0000, 0x1000), access=Access.RW, type=MemoryType.NORMAL_WRITE_BACK
    )
    target = replace(system.target, memories=(*system.target.memories, tcm))
    components = tuple(
        replace(c, memory={**c.memory, Kind.DATA: ("tcm",)}) if c.name == "uart" else c for c in system.components
    )
    return replace(system, target=target, components=components), plan


def _blocks_meet(system: System, plan: Plan) -> Broken:
    """Without isolation only this rule sees it: no register is involved."""
    system, plan = _without_isolation(system, plan)
    base = plan.placement("attitude.data").granted.base

    def change(placement: Placement) -> Placement:
        granted = AddressRange.of(base + 16, placement.granted.size)
        return replace(placement, granted=granted, cover=(granted,))

    return system, replaced(plan, "mixer.data", change)


def _without_isolation(system: System, plan: Plan) -> Broken:
    none: frozenset[Isolation] = frozenset()
    components = tuple(replace(c, accept=frozenset({"no-isolation"})) for c in system.components)
    system = replace(system, isolation=none, components=components)
    registers = dict.fromkeys(plan.registers, ())
    slots = replace(plan.slots, first_static=0, static=0, first_dynamic=0, dynamic=0, first_reserved=0, reserved=0)
    return system, replace(plan, unit=UnitName.NONE, isolation=none, registers=registers, slots=slots)


def _pinned(system: System, plan: Plan) -> Broken:
    partitions = tuple(replace(p, pin={Kind.DATA: 0x2000_4000}) if p.name == "mixer" else p for p in system.partitions)
    return replace(system, partitions=partitions), plan


def _large_kernel(system: System, plan: Plan) -> Broken:
    return replace(system, kernel=replace(system.kernel, bss=reference.RAM.size)), plan


def _cover_short(system: System, plan: Plan) -> Broken:
    def change(placement: Placement) -> Placement:
        return replace(placement, cover=(AddressRange.of(placement.granted.base, 32),))

    return system, replaced(plan, "mixer.data", change)


def _granted_to_two(system: System, plan: Plan) -> Broken:
    components = tuple(
        replace(c, peripherals=(*c.peripherals, "timer")) if c.name == "uart" else c for c in system.components
    )
    return replace(system, components=components), plan


def _bus_master(system: System, plan: Plan) -> Broken:
    peripherals = tuple(replace(p, bus_master=True) if p.name == "usart1" else p for p in system.peripherals)
    return replace(system, peripherals=peripherals), plan


def _alias_in_circles(system: System, plan: Plan) -> Broken:
    """Two windows that show each other: no byte is behind them."""
    more = Alias(view=AddressRange.of(0x6000_0000, 0x100), target=AddressRange.of(0x6100_0000, 0x100))
    back = Alias(view=more.target, target=more.view)
    aliases = (*system.target.aliases, more, back)
    return replace(system, target=replace(system.target, aliases=aliases)), plan


def _memory_wraps(system: System, plan: Plan) -> Broken:
    high = Memory(
        name="high",
        range=AddressRange(ADDRESS_SPACE_END - 0x1000, ADDRESS_SPACE_END + 0x1000),
        access=Access.RW,
        type=MemoryType.NORMAL_WRITE_BACK,
    )
    return replace(system, target=replace(system.target, memories=(*system.target.memories, high))), plan


def _other_unit(system: System, plan: Plan) -> Broken:
    return system, replace(plan, isolation=plan.isolation | {Isolation.SOFTWARE})


def _dynamic_called_static(system: System, plan: Plan) -> Broken:
    registers = dict(plan.registers)
    index = free_slot(plan)
    registers["mixer"] = tuple(replace(s, static=True) if s.index == index else s for s in registers["mixer"])
    return system, replace(plan, registers=registers)


def _slot_left_over(system: System, plan: Plan) -> Broken:
    """One slot is in no class: what the last partition left there stays."""
    return system, replace(plan, slots=replace(plan.slots, dynamic=plan.slots.dynamic - 1))


def _slot_cap(system: System, plan: Plan) -> Broken:
    partitions = tuple(replace(p, slots=3) if p.name == "mixer" else p for p in system.partitions)
    return replace(system, partitions=partitions), plan


def _copy_slot(index: Callable[[Plan], int]) -> Callable[[System, Plan], Broken]:
    """The words of one more slot repeat a region that the partition has anyway (PMP and v7-M allow the overlap)."""

    def breaks(system: System, plan: Plan) -> Broken:
        words = next(slot.words for slot in plan.registers["mixer"] if slot.owner == "timer")
        return system, rewritten(plan, "mixer", index(plan), lambda _: words)

    return breaks


def _bounds_outside(system: System, plan: Plan) -> Broken:
    both = frozenset({Isolation.MPU, Isolation.SOFTWARE})
    base = plan.placement("mixer.data").granted.base
    bounds = SoftwareBounds(base=base, size=0x1000, mask=0xFFF)
    return replace(system, isolation=both), replace(plan, isolation=both, software={"uart": bounds})


def _mixed_trust(system: System, plan: Plan) -> Broken:
    """An untrusted component in a partition that shares its code with verified ones."""
    components = tuple(replace(c, trust=Trust.UNTRUSTED) if c.name == "mixer" else c for c in system.components)
    return replace(system, components=components), plan


def _peripheral_on_ppb(system: System, plan: Plan) -> Broken:
    """SysTick, NVIC and the MPU itself, described as a peripheral and granted."""
    scs = AddressRange.of(0xE000_E000, 0x1000)
    peripherals = tuple(Peripheral(name="timer", range=scs) if p.name == "timer" else p for p in system.peripherals)
    grants = tuple(replace(p, range=scs, cover=(scs,)) if p.name == "timer" else p for p in plan.peripherals)
    words = reference.encode(plan.unit, scs, Access.RW, "")
    plan = rewritten(replace(plan, peripherals=grants), "mixer", "timer", lambda _: words)
    return replace(system, peripherals=peripherals), plan


STRUCTURE: tuple[Sabotage, ...] = (
    Sabotage(
        name="granted to one more",
        rule="parts",
        partition="mixer",
        breaks=_granted_to_one_more,
        touching="mixer.rodata",
        alone=True,
    ),
    Sabotage(
        name="a part one byte short", rule="parts", partition="mixer", breaks=_shorter_part, touching="mixer.data"
    ),
    Sabotage(name="a part missing", rule="parts", partition="mixer", breaks=_part_missing),
    Sabotage(
        name="parts on top of each other", rule="parts", partition="mixer", breaks=_parts_overlap, touching="mixer.data"
    ),
    Sabotage(name="a block missing", rule="parts", partition="mixer", breaks=_block_missing),
    Sabotage(
        name="not in the memory asked for",
        rule="memory",
        partition="uart",
        breaks=_other_memory,
        touching="uart.data",
        alone=True,
    ),
    Sabotage(
        name="blocks on top of each other",
        rule="disjoint",
        partition="mixer",
        breaks=_blocks_meet,
        touching="attitude.data",
        alone=True,
    ),
    Sabotage(name="a pin ignored", rule="pin", partition="mixer", breaks=_pinned, touching="mixer.data", alone=True),
    Sabotage(name="no room for the kernel", rule="kernel-room", partition="kernel", breaks=_large_kernel, alone=True),
    Sabotage(
        name="a cover that does not cover",
        rule="cover",
        partition="mixer",
        breaks=_cover_short,
        touching="mixer.data",
        alone=True,
    ),
    Sabotage(
        name="an untrusted bus master",
        rule="peripheral",
        partition="uart",
        breaks=_bus_master,
        touching=reference.UART,
        alone=True,
    ),
    Sabotage(
        name="one peripheral, two partitions",
        rule="peripheral",
        partition="mixer",
        breaks=_granted_to_two,
        touching=reference.TIMER,
    ),
    Sabotage(
        name="aliases in circles",
        rule="alias",
        breaks=_alias_in_circles,
        touching=AddressRange.of(0x2200_0000, 32 * reference.RAM.size),
        alone=True,
    ),
    Sabotage(
        name="a memory past 2^32",
        rule="address-space",
        breaks=_memory_wraps,
        touching=AddressRange(ADDRESS_SPACE_END - 0x1000, ADDRESS_SPACE_END),
        alone=True,
    ),
    Sabotage(name="another isolation", rule="unit", breaks=_other_unit, alone=True),
    Sabotage(name="untrusted code among shared code", rule="trust", partition="mixer", breaks=_mixed_trust, alone=True),
    Sabotage(
        name="a peripheral on the private bus",
        rule="peripheral",
        partition="mixer",
        breaks=_peripheral_on_ppb,
        units=ARM,
        touching=AddressRange.of(0xE000_E000, 0x1000),
    ),
    Sabotage(
        name="a dynamic slot called static",
        rule="slot-map",
        partition="mixer",
        breaks=_dynamic_called_static,
        alone=True,
    ),
    Sabotage(name="a slot in no class", rule="slot-map", breaks=_slot_left_over),
    Sabotage(name="more slots than allowed", rule="slot-cap", partition="mixer", breaks=_slot_cap, alone=True),
    Sabotage(
        name="a static slot that differs",
        rule="static-slots",
        partition="mixer",
        breaks=_copy_slot(lambda plan: plan.slots.first_static),
        units=(*ARM7, *PMP),
        alone=True,
    ),
    Sabotage(
        name="a reserved slot in use",
        rule="reserved-slots",
        partition="mixer",
        breaks=_copy_slot(lambda plan: plan.slots.first_reserved),
        units=(*ARM7, *PMP),
        alone=True,
    ),
    Sabotage(
        name="software bounds over another's data",
        rule="software-bounds",
        partition="uart",
        breaks=_bounds_outside,
        alone=True,
    ),
)
