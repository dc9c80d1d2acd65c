"""Good plans broken one way each, with the rule that must say so.

``alone`` marks the mutant that shows a rule is needed: no other rule notices it. The others are defects that other
systems had, and attacks on the checker itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.check import reference
from layoutplan.model.access import Access, Isolation, Kind, Trust, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import Alias, Memory, MemoryType, Peripheral
from layoutplan.model.plan import Placement, Plan, Slot, SoftwareBounds, Words

Broken = tuple[System, Plan]
ARM7 = (UnitName.ARMV6M, UnitName.ARMV7M)
ARM8 = (UnitName.ARMV8M,)
ARM = (*ARM7, *ARM8)
PMP = (UnitName.PMP,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One way to break a good plan. ``touching`` overlaps the address range of the finding, where it has one."""

    name: str
    rule: str
    breaks: Callable[[System, Plan], Broken]
    partition: str = ""
    units: tuple[UnitName, ...] = reference.UNITS
    touching: AddressRange | None = None
    alone: bool = False


def rewritten(plan: Plan, partition: str, owner: str | int, change: Callable[[Words], Words]) -> Plan:
    """The plan with one slot of one partition changed, named by its index or by whom it is for."""
    registers: dict[str, tuple[Slot, ...]] = dict(plan.registers)
    registers[partition] = tuple(
        replace(slot, words=change(slot.words)) if owner in (slot.owner, slot.index) else slot
        for slot in plan.registers[partition]
    )
    return replace(plan, registers=registers)


def replaced(plan: Plan, block: str, change: Callable[[Placement], Placement]) -> Plan:
    """The plan with one placement changed."""
    return replace(plan, placements=tuple(change(p) if p.block.name == block else p for p in plan.placements))


def free_slot(plan: Plan) -> int:
    """The last dynamic slot, which no partition of the reference uses."""
    return plan.slots.first_dynamic + plan.slots.dynamic - 1


def regranted(plan: Plan, block: str, granted: AddressRange) -> Plan:
    """Everything in the plan that speaks of a block's region says ``granted``."""

    def moved(placement: Placement) -> Placement:
        return replace(placement, granted=granted, cover=(granted,))

    placement = plan.placement(block)
    for partition, access in placement.block.granted_to.items():
        words = reference.encode(plan.unit, granted, access, placement.memory)
        plan = rewritten(plan, partition, block, lambda _, words=words: words)  # type: ignore[misc]  # one Words each
    return replaced(plan, block, moved)


def _words(change: Callable[[Words], Words], partition: str, owner: str | int) -> Callable[[System, Plan], Broken]:
    return lambda system, plan: (system, rewritten(plan, partition, owner, change))


def _flip(register: int, bit: int) -> Callable[[Words], Words]:
    return lambda words: (words[0] ^ (1 << bit) * (register == 0), words[1] ^ (1 << bit) * (register == 1))


def _field(register: int, low: int, width: int, value: int) -> Callable[[Words], Words]:
    mask = (1 << width) - 1 << low

    def change(words: Words) -> Words:
        changed = list(words)
        changed[register] = changed[register] & ~mask | value << low
        return changed[0], changed[1]

    return change


def _add(register: int, value: int) -> Callable[[Words], Words]:
    return lambda words: (words[0] + value * (register == 0), words[1] + value * (register == 1))


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


def _alias_of_alias(system: System, plan: Plan) -> Broken:
    """A second window onto bit-band words, and a partition that is given the victim's part of it."""
    victim = plan.placement("attitude.data").granted
    window = AddressRange.of(0x6000_0000, 32 * reference.RAM.size)
    more = Alias(view=window, target=AddressRange.of(0x2200_0000, window.size))
    words = reference.encode(
        plan.unit, AddressRange.of(window.base + 32 * (victim.base - reference.RAM.base) & -4096, 4096), Access.RW, ""
    )
    plan = rewritten(plan, "uart", free_slot(plan), lambda _: words)
    return replace(system, target=replace(system.target, aliases=(*system.target.aliases, more))), plan


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


def _two_regions(system: System, plan: Plan) -> Broken:
    """A data block in two slots that meet inside the stack: all bytes are permitted, and a push may straddle."""
    placement = plan.placement("mixer.data")
    granted = placement.granted
    first = AddressRange.of(granted.base, 256)
    rest = AddressRange.of(granted.base + 256, 256)
    if plan.unit is UnitName.PMP or plan.unit is UnitName.ARMV8M:
        rest = AddressRange(first.end, granted.end)
    words = [reference.encode(plan.unit, piece, Access.RW, "ram") for piece in (first, rest)]
    if plan.unit is UnitName.PMP:
        # The smaller entry first, then the block's own NAPOT: the lowest that matches decides.
        whole = reference.encode(plan.unit, granted, Access.RW, "ram")
        at = next(slot.index for slot in plan.registers["mixer"] if slot.owner == "mixer.data")
        plan = rewritten(plan, "mixer", free_slot(plan), lambda _: whole)
        return system, rewritten(plan, "mixer", at, lambda _: words[0])
    if plan.unit is UnitName.ARMV8M:
        plan = rewritten(plan, "mixer", "mixer.data", lambda _: words[0])
        return system, rewritten(plan, "mixer", free_slot(plan), lambda _: words[1])
    # Above the block's own region, so that it decides the stack's low bytes.
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: words[0])


def _reaches_neighbour(system: System, plan: Plan) -> Broken:
    """The plan, the cover and the words agree that a block extends over the next partition's constants."""
    granted = plan.placement("mixer.rodata").granted
    return system, regranted(plan, "mixer.rodata", AddressRange.of(granted.base, 0x200))


def _peripheral_short(system: System, plan: Plan) -> Broken:
    """Plan and words agree on less than the peripheral."""
    half = AddressRange.of(reference.TIMER.base, reference.TIMER.size // 2)
    peripherals = tuple(replace(p, cover=(half,)) if p.name == "timer" else p for p in plan.peripherals)
    words = reference.encode(plan.unit, half, Access.RW, "")
    return system, rewritten(replace(plan, peripherals=peripherals), "mixer", "timer", lambda _: words)


def _kernel_locked_out(system: System, plan: Plan) -> Broken:
    """A region over the kernel's code that nobody may use: unprivileged code gains nothing, the kernel dies."""
    low = AddressRange.of(reference.FLASH.base, 0x1000)
    if plan.unit is UnitName.PMP:
        words = (reference.encode(plan.unit, low, Access.R, "flash")[0], 1 << 7 | 0b11 << 3)
    else:
        rbar, rasr = reference.encode(plan.unit, low, Access.R, "flash")
        words = (rbar, rasr & ~(7 << 24) | 1 << 28)
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: words)


def _writable_code(system: System, plan: Plan) -> Broken:
    """The manifest itself: a ring that one partition writes and another executes."""
    shares = tuple(replace(s, access={"attitude": Access.RX, "uart": Access.RW}) for s in system.shares)

    def change(placement: Placement) -> Placement:
        return replace(placement, block=replace(placement.block, granted_to=shares[0].access))

    plan = replaced(plan, "shared:ring", change)
    words = reference.encode(plan.unit, plan.placement("shared:ring").granted, Access.RX, "ram")
    return replace(system, shares=shares), rewritten(plan, "attitude", "shared:ring", lambda _: words)


def _into_gap(system: System, plan: Plan) -> Broken:
    """Words that expose more of the block's padding than the plan says."""

    def change(placement: Placement) -> Placement:
        granted = AddressRange(placement.granted.base, placement.granted.end - 32)
        return replace(placement, granted=granted, cover=(granted,))

    return system, replaced(plan, "mixer.data", change)


def _bit_band(system: System, plan: Plan) -> Broken:
    """Nothing of another's RAM is in any region, but its bit-band words are."""
    victim = plan.placement("attitude.data").granted
    view = 0x2200_0000 + 32 * (victim.base - reference.RAM.base)
    words = reference.encode(plan.unit, AddressRange.of(view & -4096, 4096), Access.RW, "")
    return system, rewritten(plan, "uart", free_slot(plan), lambda _: words)


def _region(base: int, size: int, access: Access, partition: str = "uart") -> Callable[[System, Plan], Broken]:
    def breaks(system: System, plan: Plan) -> Broken:
        words = reference.encode(plan.unit, AddressRange.of(base, size), access, "")
        return system, rewritten(plan, partition, free_slot(plan), lambda _: words)

    return breaks


def _everything(system: System, plan: Plan) -> Broken:
    """A region of 4 GiB, whose size does not fit 32 bits."""
    words = {
        UnitName.ARMV8M: (0b01 << 1 | 1, 0xFFFF_FFE0 | 1),
        UnitName.PMP: (0x1FFF_FFFF, 0b11 << 3 | 0b011),
    }.get(plan.unit, (0, 1 << 28 | 0b011 << 24 | 0b000_101 << 16 | 31 << 1 | 1))
    return system, rewritten(plan, "uart", free_slot(plan), lambda _: words)


def _stale(system: System, plan: Plan) -> Broken:
    """A slot of the last partition was not cleared."""
    stale = next(slot.words for slot in plan.registers["attitude"] if slot.owner == "attitude.data")
    return system, rewritten(plan, "uart", free_slot(plan), lambda _: stale)


def _share_padding(system: System, plan: Plan) -> Broken:
    """Bytes after a share that nobody asked for are granted to a partition that has no part in the share."""
    ring = plan.placement("shared:ring").granted
    words = reference.encode(plan.unit, AddressRange.of((ring.end - 1) & -256, 256), Access.RW, "ram")
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: words)


def _excess_unaccepted(system: System, plan: Plan) -> Broken:
    """A peripheral's region is rounded up, plan and words agree, and nobody accepted it."""
    wide = AddressRange.of(reference.UART.base, 2 * reference.UART.size)
    peripherals = tuple(replace(p, cover=(wide,), excess=0x1000) if p.name == "usart1" else p for p in plan.peripherals)
    words = reference.encode(plan.unit, wide, Access.RW, "")
    return system, rewritten(replace(plan, peripherals=peripherals), "uart", "usart1", lambda _: words)


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
    Sabotage(name="granted to one more", rule="parts", partition="mixer", breaks=_granted_to_one_more, alone=True),
    Sabotage(name="a part one byte short", rule="parts", partition="mixer", breaks=_shorter_part),
    Sabotage(name="a part missing", rule="parts", partition="mixer", breaks=_part_missing),
    Sabotage(name="parts on top of each other", rule="parts", partition="mixer", breaks=_parts_overlap),
    Sabotage(name="a block missing", rule="parts", partition="mixer", breaks=_block_missing),
    Sabotage(name="not in the memory asked for", rule="memory", partition="uart", breaks=_other_memory, alone=True),
    Sabotage(name="blocks on top of each other", rule="disjoint", partition="mixer", breaks=_blocks_meet, alone=True),
    Sabotage(name="a pin ignored", rule="pin", partition="mixer", breaks=_pinned, alone=True),
    Sabotage(name="no room for the kernel", rule="kernel-room", partition="kernel", breaks=_large_kernel, alone=True),
    Sabotage(name="a cover that does not cover", rule="cover", partition="mixer", breaks=_cover_short, alone=True),
    Sabotage(name="an untrusted bus master", rule="peripheral", partition="uart", breaks=_bus_master, alone=True),
    Sabotage(name="one peripheral, two partitions", rule="peripheral", partition="mixer", breaks=_granted_to_two),
    Sabotage(name="aliases in circles", rule="alias", breaks=_alias_in_circles, alone=True),
    Sabotage(name="a memory past 2^32", rule="address-space", breaks=_memory_wraps, alone=True),
    Sabotage(name="another isolation", rule="unit", breaks=_other_unit, alone=True),
    Sabotage(name="untrusted code among shared code", rule="trust", partition="mixer", breaks=_mixed_trust, alone=True),
    Sabotage(
        name="a peripheral on the private bus",
        rule="peripheral",
        partition="mixer",
        breaks=_peripheral_on_ppb,
        units=ARM,
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

_KERNEL_CODE = AddressRange.of(reference.FLASH.base, 0x1000)

REGISTERS: tuple[Sabotage, ...] = (
    Sabotage(name="a seam inside a stack", rule="seam", partition="mixer", breaks=_two_regions, alone=True),
    Sabotage(
        name="a region over a neighbour",
        rule="isolation",
        partition="mixer",
        breaks=_reaches_neighbour,
        alone=True,
    ),
    Sabotage(
        name="half a peripheral",
        rule="availability",
        partition="mixer",
        breaks=_peripheral_short,
        touching=reference.TIMER,
        alone=True,
    ),
    Sabotage(
        name="the kernel locked out",
        rule="kernel-access",
        partition="mixer",
        breaks=_kernel_locked_out,
        units=ARM7,
        touching=_KERNEL_CODE,
        alone=True,
    ),
    Sabotage(
        name="the kernel locked out by a locked entry",
        rule="kernel-access",
        partition="mixer",
        breaks=_kernel_locked_out,
        units=PMP,
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="write through where write back is",
        rule="memory-type",
        partition="mixer",
        breaks=_words(_field(1, 16, 2, 0b10), "mixer", "mixer.data"),
        units=ARM7,
        touching=reference.RAM,
        alone=True,
    ),
    Sabotage(
        name="not shareable where the memory is",
        rule="memory-type",
        partition="mixer",
        breaks=_words(_field(1, 18, 1, 0), "mixer", "mixer.data"),
        units=ARM7,
        touching=reference.RAM,
        alone=True,
    ),
    Sabotage(
        name="a ring to write and to execute",
        rule="write-xor-execute",
        partition="uart",
        breaks=_writable_code,
        touching=reference.RAM,
        alone=True,
    ),
    Sabotage(
        name="words that expose more than the plan says",
        rule="exactness",
        partition="mixer",
        breaks=_into_gap,
        touching=reference.RAM,
        alone=True,
    ),
    Sabotage(
        name="a reserved bit of RASR",
        rule="well-formed",
        partition="mixer",
        breaks=_words(_flip(1, 29), "mixer", "mixer.data"),
        units=ARM7,
        alone=True,
    ),
    Sabotage(name="another's RAM by its bit-band words", rule="isolation", partition="uart", breaks=_bit_band),
    Sabotage(name="another's RAM by an alias of its alias", rule="isolation", partition="uart", breaks=_alias_of_alias),
    Sabotage(name="a region of 4 GiB", rule="isolation", partition="uart", breaks=_everything),
    Sabotage(name="a stale slot", rule="isolation", partition="uart", breaks=_stale, touching=reference.RAM),
    Sabotage(name="padding of a share for a stranger", rule="isolation", partition="mixer", breaks=_share_padding),
    Sabotage(
        name="excess that nobody accepted",
        rule="isolation",
        partition="uart",
        breaks=_excess_unaccepted,
        touching=AddressRange.of(reference.UART.end, reference.UART.size),
    ),
    Sabotage(
        name="the kernel's RAM",
        rule="isolation",
        partition="uart",
        breaks=_region(0x2000_0000, 0x1000, Access.R),
        touching=reference.RAM,
    ),
    Sabotage(
        name="the kernel's code",
        rule="isolation",
        partition="uart",
        breaks=_region(0, 0x1000, Access.RX),
        touching=_KERNEL_CODE,
    ),
    Sabotage(
        name="a reserve",
        rule="isolation",
        partition="uart",
        breaks=_region(reference.RESERVE.base, 0x1000, Access.RW),
        touching=reference.RESERVE,
    ),
    Sabotage(
        name="another's peripheral",
        rule="isolation",
        partition="uart",
        breaks=_region(reference.TIMER.base, 0x1000, Access.RW),
        touching=reference.TIMER,
    ),
    Sabotage(
        name="the private peripheral bus",
        rule="isolation",
        partition="uart",
        breaks=_region(0xE000_E000, 0x1000, Access.RW),
        units=ARM,
    ),
    Sabotage(
        name="a region that ends at 2^32",
        rule="isolation",
        partition="uart",
        breaks=_region(0xFFFF_F000, 0x1000, Access.RW),
    ),
)
