"""Defects that other systems shipped or that units invite, as broken plans: the checker must know each."""

from __future__ import annotations

from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.plans import ARM7, ARM8, PMP, Broken, Sabotage, free_slot, regranted, rewritten
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import FixedEntry
from layoutplan.model.plan import DISABLED, Plan, Words

_RW, _NAPOT, _TOR = 0b011, 0b11 << 3, 0b01 << 3
_KERNELS = 0b001
"""AP: privileged read-write, nothing else."""
_OUTSIDE = 0x6000_0000
"""In no memory, so that a malformed region is all that is wrong."""


def _size_too_large(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0], words[1] + 2))


def _napot_too_large(system: System, plan: Plan) -> Broken:
    """One more trailing one: twice the bytes."""
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0] | words[0] + 1, words[1]))


def _tor_from_zero(system: System, plan: Plan) -> Broken:
    """TOR in entry 0 begins at address 0, not at the block."""
    end = plan.placement("shared:code").granted.end
    registers = plan.registers["attitude"]
    assert registers[0].owner == "shared:code"
    return system, rewritten(plan, "attitude", 0, lambda _: (end >> 2, _TOR | 0b101))


def _tor_bound_forgotten(system: System, plan: Plan) -> Broken:
    """TOR takes the pmpaddr of the entry before it, although that entry is NAPOT and means something else."""
    end = plan.placement("uart.data").granted.end
    index = next(slot.index for slot in plan.registers["uart"] if slot.owner == "uart.data")
    return system, rewritten(plan, "uart", index, lambda _: (end >> 2, _TOR | _RW))


def _subregion_too_many(system: System, plan: Plan) -> Broken:
    """The region is the right one, and one eighth that belongs to the neighbour is left on."""
    granted = plan.placement("mixer.rodata").granted
    plan = regranted(plan, "mixer.rodata", AddressRange.of(granted.base, 0x100 + 0x40))
    return system, plan


def _limit_exclusive(system: System, plan: Plan) -> Broken:
    """LIMIT holds the end instead of the last granule: the neighbour's first 32 bytes are granted."""
    granted = plan.placement("mixer.data").granted
    above = plan.placement("attitude.data").granted
    plan = regranted(plan, "mixer.data", AddressRange(granted.base, above.base))
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0], words[1] + 32))


def hole_punched(plan: Plan, *, denied: bool) -> Plan:
    """Mixer's data as one region over attitude's too, with or without the one that decides before it and denies those.

    On PMP that is an earlier entry without rights, on PMSAv6 and v7 a later region that is the kernel's alone.
    """
    own = plan.placement("mixer.data").granted
    above = plan.placement("attitude.data").granted
    if plan.unit is UnitName.PMP:
        wide = AddressRange(own.base, above.end)
        deny: Words = (reference.encode(UnitName.PMP, above, Access.R, "ram")[0], _NAPOT) if denied else (0, 0)
        allow: Words = (reference.encode(UnitName.PMP, wide, Access.RW, "ram")[0], _NAPOT | _RW)
        plan = rewritten(plan, "mixer", "mixer.data", lambda _: deny)
        return rewritten(plan, "mixer", free_slot(plan), lambda _: allow)
    size = above.base - own.base
    plan = regranted(plan, "mixer.data", AddressRange.of(own.base, size))
    allow = reference.encode(plan.unit, AddressRange.of(own.base, 2 * size), Access.RW, "ram")
    base, rasr = reference.encode(plan.unit, AddressRange.of(above.base, size), Access.RW, "ram")
    deny = (base, rasr & ~(7 << 24) | _KERNELS << 24) if denied else DISABLED
    plan = rewritten(plan, "mixer", "mixer.data", lambda _: allow)
    return rewritten(plan, "mixer", free_slot(plan), lambda _: deny)


def _deny_cleared(system: System, plan: Plan) -> Broken:
    return system, hole_punched(plan, denied=False)


def _deny_too_late(system: System, plan: Plan) -> Broken:
    """The denying entry stands where the allowing one decides before it."""
    plan = hole_punched(plan, denied=True)
    slots = {slot.owner or slot.index: slot.words for slot in plan.registers["mixer"]}
    free = free_slot(plan)
    first, second = slots["mixer.data"], slots[free]
    plan = rewritten(plan, "mixer", "mixer.data", lambda _: second)
    return system, rewritten(plan, "mixer", free, lambda _: first)


def _boot_entry_wins(system: System, plan: Plan) -> Broken:
    """Boot ROM left a hard-wired entry over everything below ours: lower numbers win."""
    entry = FixedEntry(index=0, address=0x1FFF_FFFF, config=_NAPOT | 0b111, hardwired=True)
    pmp = replace(system.target.pmp, fixed=(entry,))
    return replace(system, target=replace(system.target, pmp=pmp)), plan


def _swapped(system: System, plan: Plan) -> Broken:
    """The core has R and X in each other's place and the planner did not know."""
    pmp = replace(system.target.pmp, swapped_rx=True)
    return replace(system, target=replace(system.target, pmp=pmp)), plan


def _coarse_grain(system: System, plan: Plan) -> Broken:
    """The grain is 1 KiB: NAPOT entries below it silently grow."""
    pmp = replace(system.target.pmp, grain=1024)
    return replace(system, target=replace(system.target, pmp=pmp)), plan


def _mode_absent(system: System, plan: Plan) -> Broken:
    pmp = replace(system.target.pmp, modes=frozenset({"tor"}))
    return replace(system, target=replace(system.target, pmp=pmp)), plan


def _write_only(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0], words[1] & ~1))


def _small_with_srd(system: System, plan: Plan) -> Broken:
    """128 B with subregions disabled: UNPREDICTABLE, not ignored."""
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE, _rasr(6, 0xF0, 0)))


def _below_least(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE, _rasr(3, 0, 0)))


def _misaligned(system: System, plan: Plan) -> Broken:
    """The base is aligned down without a word."""
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE | 0x100, _rasr(9, 0, 0)))


def _reserved_permissions(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE, _rasr(9, 0, 0b100)))


def _reserved_type(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE, _rasr(9, 0, 0) | 0b011_000 << 16))


def _rasr(size: int, srd: int, permissions: int) -> int:
    return 1 << 28 | permissions << 24 | srd << 8 | size << 1 | 1


def _spilled_base(system: System, plan: Plan) -> Broken:
    """Low bits of a base spill into VALID and REGION."""
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0] | 0x10, words[1]))


def _overlap(system: System, plan: Plan) -> Broken:
    """Two regions of one partition on the same bytes: the same rights, and every access faults."""
    words = next(slot.words for slot in plan.registers["mixer"] if slot.owner == "timer")
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: words)


def _limit_below_base(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", free_slot(plan), lambda _: (_OUTSIDE, 0x2000_F000 | 1))


def _reserved_shareability(system: System, plan: Plan) -> Broken:
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0] & ~0x18 | 0x08, words[1]))


def _unknown_attribute(system: System, plan: Plan) -> Broken:
    """AttrIndx 4 is in MAIR1, which boot leaves zero: strongly-ordered device memory."""
    return system, rewritten(plan, "mixer", "mixer.data", lambda words: (words[0], words[1] | 4 << 1))


def _no_execute_lost(system: System, plan: Plan) -> Broken:
    """XN is forgotten on a data block."""
    if plan.unit is UnitName.PMP:
        return system, rewritten(plan, "uart", "uart.data", lambda words: (words[0], words[1] | 0b100))
    if plan.unit is UnitName.ARMV8M:
        return system, rewritten(plan, "uart", "uart.data", lambda words: (words[0] & ~1, words[1]))
    return system, rewritten(plan, "uart", "uart.data", lambda words: (words[0], words[1] & ~(1 << 28)))


DEFECTS: tuple[Sabotage, ...] = (
    Sabotage(
        name="a size field one too large",
        rule="isolation",
        partition="mixer",
        breaks=_size_too_large,
        units=ARM7,
        touching="attitude.data",
    ),
    Sabotage(
        name="a trailing one too many",
        rule="isolation",
        partition="mixer",
        breaks=_napot_too_large,
        units=PMP,
        touching="attitude.data",
    ),
    Sabotage(
        name="a TOR lower bound of zero",
        rule="isolation",
        partition="attitude",
        breaks=_tor_from_zero,
        units=PMP,
        touching="mixer.rodata",
    ),
    Sabotage(
        name="TOR over a NAPOT bound",
        rule="isolation",
        partition="uart",
        breaks=_tor_bound_forgotten,
        units=PMP,
        touching="mixer.rodata",
    ),
    Sabotage(
        name="a subregion past the neighbour",
        rule="isolation",
        partition="mixer",
        breaks=_subregion_too_many,
        units=ARM7,
        touching="attitude.rodata",
        alone=True,
    ),
    Sabotage(
        name="a limit not made inclusive",
        rule="isolation",
        partition="mixer",
        breaks=_limit_exclusive,
        units=ARM8,
        touching="attitude.data",
    ),
    Sabotage(
        name="a deny entry cleared",
        rule="isolation",
        partition="mixer",
        breaks=_deny_cleared,
        units=(*ARM7, *PMP),
        touching="attitude.data",
    ),
    Sabotage(
        name="a deny entry too late",
        rule="isolation",
        partition="mixer",
        breaks=_deny_too_late,
        units=(*ARM7, *PMP),
        touching="attitude.data",
    ),
    Sabotage(
        name="a boot entry that wins",
        rule="isolation",
        partition="uart",
        breaks=_boot_entry_wins,
        units=PMP,
        touching="attitude.data",
    ),
    Sabotage(
        name="R and X swapped",
        rule="availability",
        partition="mixer",
        breaks=_swapped,
        units=PMP,
        touching="mixer.data",
    ),
    Sabotage(
        name="a grain that swallows low bits", rule="well-formed", partition="mixer", breaks=_coarse_grain, units=PMP
    ),
    Sabotage(
        name="a mode that the core lacks",
        rule="well-formed",
        partition="mixer",
        breaks=_mode_absent,
        units=PMP,
        alone=True,
    ),
    Sabotage(name="write without read", rule="well-formed", partition="mixer", breaks=_write_only, units=PMP),
    Sabotage(
        name="SRD below 256 B",
        rule="well-formed",
        partition="mixer",
        breaks=_small_with_srd,
        units=ARM7,
        alone=True,
    ),
    Sabotage(
        name="a region below the least",
        rule="well-formed",
        partition="mixer",
        breaks=_below_least,
        units=ARM7,
        alone=True,
    ),
    Sabotage(
        name="a base off its size", rule="well-formed", partition="mixer", breaks=_misaligned, units=ARM7, alone=True
    ),
    Sabotage(
        name="AP 0b100", rule="well-formed", partition="mixer", breaks=_reserved_permissions, units=ARM7, alone=True
    ),
    Sabotage(
        name="a reserved memory type",
        rule="well-formed",
        partition="mixer",
        breaks=_reserved_type,
        units=ARM7,
        alone=True,
    ),
    Sabotage(
        name="a base spilled into VALID",
        rule="well-formed",
        partition="mixer",
        breaks=_spilled_base,
        units=ARM7,
        alone=True,
    ),
    Sabotage(name="two regions on the same bytes", rule="well-formed", partition="mixer", breaks=_overlap, units=ARM8),
    Sabotage(
        name="LIMIT below BASE", rule="well-formed", partition="mixer", breaks=_limit_below_base, units=ARM8, alone=True
    ),
    Sabotage(name="SH 0b01", rule="well-formed", partition="mixer", breaks=_reserved_shareability, units=ARM8),
    Sabotage(
        name="an attribute that boot does not set",
        rule="memory-type",
        partition="mixer",
        breaks=_unknown_attribute,
        units=ARM8,
        touching="mixer.data",
        alone=True,
    ),
    Sabotage(name="XN forgotten", rule="isolation", partition="uart", breaks=_no_execute_lost, touching="uart.data"),
)
