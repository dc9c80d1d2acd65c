"""Plans whose register words are broken: what they permit, to whom, and how they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.plans import ARM, ARM7, PMP, Broken, Sabotage, free_slot, regranted, replaced, rewritten
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import Alias
from layoutplan.model.plan import Placement, Plan, Words


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


_KERNEL_CODE = AddressRange.of(reference.FLASH.base, 0x1000)
_KERNEL_DATA = AddressRange.of(reference.RAM.base, 0x1000)

REGISTERS: tuple[Sabotage, ...] = (
    Sabotage(
        name="a seam inside a stack",
        rule="seam",
        partition="mixer",
        breaks=_two_regions,
        touching="mixer.data",
        alone=True,
    ),
    Sabotage(
        name="a region over a neighbour",
        rule="isolation",
        partition="mixer",
        breaks=_reaches_neighbour,
        touching="attitude.rodata",
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
        touching="mixer.data",
        alone=True,
    ),
    Sabotage(
        name="not shareable where the memory is",
        rule="memory-type",
        partition="mixer",
        breaks=_words(_field(1, 18, 1, 0), "mixer", "mixer.data"),
        units=ARM7,
        touching="mixer.data",
        alone=True,
    ),
    Sabotage(
        name="a ring to write and to execute",
        rule="write-xor-execute",
        partition="uart",
        breaks=_writable_code,
        touching="shared:ring",
        alone=True,
    ),
    Sabotage(
        name="words that expose more than the plan says",
        rule="exactness",
        partition="mixer",
        breaks=_into_gap,
        touching="mixer.data",
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
    Sabotage(
        name="another's RAM by its bit-band words",
        rule="isolation",
        partition="uart",
        breaks=_bit_band,
        touching=AddressRange.of(0x2200_0000, 32 * reference.RAM.size),
    ),
    Sabotage(
        name="another's RAM by an alias of its alias",
        rule="isolation",
        partition="uart",
        breaks=_alias_of_alias,
        touching=AddressRange.of(0x6000_0000, 32 * reference.RAM.size),
    ),
    Sabotage(
        name="a region of 4 GiB", rule="isolation", partition="uart", breaks=_everything, touching="attitude.data"
    ),
    Sabotage(name="a stale slot", rule="isolation", partition="uart", breaks=_stale, touching="attitude.data"),
    Sabotage(
        name="padding of a share for a stranger",
        rule="isolation",
        partition="mixer",
        breaks=_share_padding,
        touching="shared:ring",
    ),
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
        touching=_KERNEL_DATA,
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
        touching=AddressRange.of(0xE000_E000, 0x1000),
    ),
    Sabotage(
        name="a region that ends at 2^32",
        rule="isolation",
        partition="uart",
        breaks=_region(0xFFFF_F000, 0x1000, Access.RW),
        touching=AddressRange(0xFFFF_F000, 0x1_0000_0000),
    ),
)
