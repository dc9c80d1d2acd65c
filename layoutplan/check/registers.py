"""The register tables of a plan as tables: every hardware slot once, static ones equal, reserved ones empty."""

from __future__ import annotations

from collections.abc import Iterator

from layoutplan.check.image.software import software_bounds
from layoutplan.check.switch.program import hardwired
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import DISABLED, Plan, Slot, SlotMap, Words

RULES = ("slot-map", "slot-cap", "static-slots", "reserved-slots", "software-bounds")

BACKGROUND = 2
"""Regions that are the kernel's where it has no background map: a partition's cap does not count them."""

LOCK = 1 << 7
"""``pmpcfg.L``. Under Smepmp a locked entry is the kernel's: no cap counts it, and no switch can rewrite it."""


def words_of(system: System, plan: Plan, partition: str) -> tuple[Words, ...]:
    """The pairs of every hardware slot, ascending; disabled where the plan has none (which is a finding elsewhere)."""
    told = {slot.index: slot.words for slot in plan.registers.get(partition, ())}
    told |= hardwired(system)
    return tuple(told.get(index, DISABLED) for index in range(system.target.slots))


def structure(system: System, plan: Plan) -> Iterator[Finding]:
    """Everything wrong with the tables as such."""
    if system.unit is UnitName.NONE:
        for partition, slots in plan.registers.items():
            if any(slot.words != DISABLED for slot in slots):
                yield Finding(rule="slot-map", partition=partition, message="isolation is off, yet slots are enabled")
    else:
        broken = list(_slot_map(system, plan))
        yield from broken
        if not broken:
            yield from _static(plan)
    yield from software_bounds(system, plan)


def kinds(slots: SlotMap) -> dict[int, str]:
    """Slot index to ``static``, ``dynamic`` or ``reserved``; a slot claimed twice is ``twice``."""
    found: dict[int, str] = {}
    for kind, first, count in (
        ("static", slots.first_static, slots.static),
        ("dynamic", slots.first_dynamic, slots.dynamic),
        ("reserved", slots.first_reserved, slots.reserved),
    ):
        for index in range(first, first + count):
            found[index] = "twice" if index in found else kind
    return found


def _slot_map(system: System, plan: Plan) -> Iterator[Finding]:
    if not all(0 <= count <= system.target.slots for count in _numbers(plan.slots)):
        yield Finding(rule="slot-map", message=f"the slot map names slots beyond the unit's {system.target.slots}")
        return
    by_kind = kinds(plan.slots)
    fixed = hardwired(system)
    everything = set(range(system.target.slots))
    for index in sorted(set(by_kind) | everything):
        if by_kind.get(index) == "twice" or (index in by_kind and index in fixed) or index not in everything:
            yield Finding(rule="slot-map", message=f"slot {index} is claimed twice, hard-wired, or not in the hardware")
        elif index not in by_kind and index not in fixed:
            yield Finding(rule="slot-map", message=f"slot {index} is nobody's: it would keep what it held at reset")
    if plan.slots.reserved != system.kernel.reserved_slots:
        message = f"{plan.slots.reserved} slots are reserved where the kernel asks for {system.kernel.reserved_slots}"
        yield Finding(rule="slot-map", message=message)
    if plan.slots.reserved and plan.slots.first_reserved + plan.slots.reserved != system.target.slots - len(
        [index for index in fixed if index >= plan.slots.first_reserved]
    ):
        yield Finding(rule="slot-map", message="reserved slots are not the last")
    names = tuple(sorted(p.name for p in system.partitions))
    if tuple(plan.registers) != names:
        yield Finding(rule="slot-map", message=f"registers of {', '.join(plan.registers)}, not of {', '.join(names)}")
    caps = {p.name: p.slots for p in system.partitions}
    for partition, slots in plan.registers.items():
        if [slot.index for slot in slots] != list(range(system.target.slots)):
            message = f"slots {[slot.index for slot in slots]}, not every one of {system.target.slots} ascending"
            yield Finding(rule="slot-map", partition=partition, message=message)
        for slot in slots:
            kind = by_kind.get(slot.index, "nobody's")
            if slot.index in fixed and slot.words != fixed[slot.index]:
                message = f"slot {slot.index} is hard-wired to other words than the plan has"
                yield Finding(rule="slot-map", partition=partition, message=message)
            told = "reserved" if slot.reserved else "static" if slot.static else "dynamic"
            if kind in ("static", "dynamic", "reserved") and kind != told:
                message = f"slot {slot.index} says {told}, the map says {kind}"
                yield Finding(rule="slot-map", partition=partition, message=message)
            if system.smepmp and kind == "dynamic" and slot.words[1] & LOCK:
                message = f"slot {slot.index} is rewritten by every switch, and its lock keeps it as it is until reset"
                yield Finding(rule="static-slots", partition=partition, message=message)
            if (kind == "reserved" or slot.reserved) and slot.words != DISABLED:
                message = f"reserved slot {slot.index} has words"
                yield Finding(rule="reserved-slots", partition=partition, message=message)
        cap = caps.get(partition)
        used = sum(
            slot.index not in fixed
            and enabled(system.unit, slot.words)
            and not _closes(system.unit, slot)
            and not (system.smepmp and slot.words[1] & LOCK)
            for slot in slots
        )
        used -= 0 if system.kernel.background else BACKGROUND
        if cap is not None and used > cap:
            message = f"{used} slots are enabled where the manifest allows {cap}"
            yield Finding(rule="slot-cap", partition=partition, message=message)


def enabled(unit: UnitName, words: Words) -> bool:
    """Whether a slot takes part in matching. A PMP entry that is OFF may still be the lower bound of the next."""
    if unit is UnitName.PMP:
        return words != DISABLED
    return bool(words[1] & 1)


def _closes(unit: UnitName, slot: Slot) -> bool:
    """Whether a slot is there to close what a hard-wired PMP entry leaves open: static, and without rights."""
    return unit is UnitName.PMP and slot.static and not slot.words[1] & 7


def _numbers(slots: SlotMap) -> tuple[int, ...]:
    first = (slots.first_static, slots.first_dynamic, slots.first_reserved)
    return (*first, slots.static, slots.dynamic, slots.reserved)


def _static(plan: Plan) -> Iterator[Finding]:
    static = [index for index, kind in kinds(plan.slots).items() if kind == "static"]
    tables = {partition: {slot.index: slot.words for slot in slots} for partition, slots in plan.registers.items()}
    for index in static:
        told = {partition: table.get(index, DISABLED) for partition, table in tables.items()}
        if len(set(told.values())) > 1:
            first = next(iter(told.values()))
            other = next(partition for partition, words in told.items() if words != first)
            message = f"static slot {index} differs from other partitions; it is written once, at boot"
            yield Finding(rule="static-slots", partition=other, message=message)
