"""The target: a chip of the catalogue, what the manifest lays over it, or a unit with memories of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace

from msgspec import UNSET

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, hexadecimal, next_power_of_two
from layoutplan.inputs.aliases import BIT_BAND, behind, physical
from layoutplan.inputs.chips.catalogue import Chip, chip_names, read_chip
from layoutplan.inputs.faults import Faults, nearest
from layoutplan.inputs.grants import PRIVATE_PERIPHERAL_BUS
from layoutplan.inputs.quantities import size_of
from layoutplan.inputs.schema import ManifestTable, MemoryTable, PmpEntryTable, PmpTable
from layoutplan.model.access import Access, Machine, UnitName
from layoutplan.model.memory import FixedEntry, Memory, MemoryType, PmpTraits, Target

SLOT_COUNTS = {
    UnitName.ARMV6M: (8,),  # Armv6-M ARM, MPU_TYPE.DREGION: 8 or, without an MPU, 0
    UnitName.ARMV7M: (8, 16),  # Armv7-M ARM, MPU_TYPE.DREGION; Arm's cores have 8 or 16
    UnitName.ARMV8M: (4, 8, 12, 16),  # Armv8-M ARM, MPU_TYPE.DREGION
    UnitName.PMP: tuple(range(1, 65)),  # Privileged Architecture, pmpcfg: up to 64 entries, the lowest first
    UnitName.NONE: (0,),
}
DEFAULT_SLOTS = {UnitName.ARMV6M: 8, UnitName.ARMV7M: 8, UnitName.ARMV8M: 8, UnitName.PMP: 16, UnitName.NONE: 0}
GRANULES = {UnitName.ARMV6M: 256, UnitName.ARMV7M: 32, UnitName.ARMV8M: 32, UnitName.NONE: 1}
"""Bytes that every base and end of a region is a multiple of; PMP's is its grain. v7-M and v6-M: the least region."""


def granule_of(target: Target) -> int:
    """Bytes that bases of blocks are multiples of when the target's unit guards them."""
    return target.pmp.grain if target.unit is UnitName.PMP else GRANULES[target.unit]


def default_type(origin: int, machine: Machine) -> MemoryType:
    """What the default memory map of Armv7-M makes of an address; it is the same in Armv6-M and Armv8-M.

    Code is write-through, SRAM and external RAM below 0x8000_0000 write-back, external RAM above it write-through
    (as Microchip's Cortex-M7 pages repeat it: additional memory access constraints for caches and shared memory).

    A region that says otherwise than the background map would let two views of one byte differ in caching.
    PMP has no memory types, so there the answer only fills the field.
    """
    if machine is Machine.RISCV:
        return MemoryType.NORMAL_WRITE_BACK
    if origin < 0x2000_0000 or 0x8000_0000 <= origin < 0xA000_0000:
        return MemoryType.NORMAL_WRITE_THROUGH
    if origin < 0x4000_0000 or 0x6000_0000 <= origin < 0x8000_0000:
        return MemoryType.NORMAL_WRITE_BACK
    return MemoryType.DEVICE


def read_target(manifest: ManifestTable, faults: Faults) -> tuple[Target, Chip | None]:
    """The target and its catalogue entry. After a fault it is what can still be cross-checked."""
    table = manifest.target
    chip: Chip | None = None
    if table.chip is not UNSET:
        try:
            chip = read_chip(table.chip)
        except KeyError:
            hint = nearest(table.chip, chip_names()) or "describe it with [target] unit and [memory]"
            faults.add("unknown-chip", ["target", "chip"], f"`{table.chip}` is not in the chip catalogue", hint)
    elif table.unit is UNSET:
        hint = 'give `chip = "…"`, or `unit = "…"` with [memory] tables'
        faults.add("no-target", ["target"], "neither a chip nor a protection unit is given", hint)
    base = _of_chip(chip) if chip is not None else _unnamed(bit_band=table.unit == "armv7m")
    unit = base.unit if table.unit is UNSET else UnitName(table.unit)
    machine = base.machine if chip is not None else _machine(unit)
    machine = machine if table.machine is UNSET else Machine(table.machine)
    target = replace(
        base,
        machine=machine,
        unit=unit,
        slots=_slots(manifest, base, unit, faults),
        memories=_memories(manifest, base, machine, faults),
        pmp=_pmp(manifest, base.pmp, unit, faults),
        fpu=base.fpu if table.fpu is UNSET else table.fpu,
    )
    target = replace(target, verified=base.verified and _within(base, target))
    _machine_fits(chip, target, faults)
    return target, chip


def _within(base: Target, target: Target) -> bool:
    """Whether what the manifest lays over the chip stays within the catalogue's facts: less memory, nothing else."""
    pmp = replace(base.pmp, smepmp=target.pmp.smepmp)
    return (base.unit, base.slots, pmp, base.fpu) == (target.unit, target.slots, target.pmp, target.fpu) and all(
        any(known.range.contains(memory.range) and memory.access in known.access for known in base.memories)
        for memory in target.memories
    )


def _of_chip(chip: Chip) -> Target:
    return Target(
        chip=chip.name,
        machine=chip.core.machine,
        unit=chip.unit.name,
        slots=chip.unit.slots,
        memories=chip.memories,
        peripherals=chip.peripherals,
        aliases=chip.aliases,
        pmp=chip.pmp_traits,
        fpu=chip.core.fpu,
        verified=chip.verified,
    )


def _unnamed(*, bit_band: bool) -> Target:
    """A chip of which nothing is known but what the manifest says."""
    return Target(unit=UnitName.NONE, slots=0, memories=(), aliases=BIT_BAND if bit_band else ())


def _machine(unit: UnitName) -> Machine:
    return Machine.RISCV if unit is UnitName.PMP else Machine.ARM


def _machine_fits(chip: Chip | None, target: Target, faults: Faults) -> None:
    if chip is not None and target.machine is not chip.core.machine:
        text = f'`{chip.name}` is {chip.core.name}, and its machine is "{chip.core.machine}"'
        faults.add("wrong-unit", ["target", "machine"], text, "leave `machine` out, or name another chip")
    elif target.unit is not UnitName.NONE and target.machine is not _machine(target.unit):
        name = f"`{chip.name}` is {chip.core.name}, which" if chip is not None else f'"{target.machine}"'
        units = [unit for unit in DEFAULT_SLOTS if unit is not UnitName.NONE and _machine(unit) is target.machine]
        able = " or ".join(f'"{unit}"' for unit in units)
        hint = f"give {able}" if chip is None else f'leave `unit` out: the chip has "{chip.unit.name}"'
        faults.add("wrong-unit", ["target", "unit"], f'{name} has no "{target.unit}"', hint)


def _slots(manifest: ManifestTable, base: Target, unit: UnitName, faults: Faults) -> int:
    given = manifest.target.slots
    if given is UNSET:
        return base.slots if unit is base.unit and base.slots else DEFAULT_SLOTS[unit]
    if given not in SLOT_COUNTS[unit]:
        known = " or ".join(map(str, SLOT_COUNTS[unit])) if len(SLOT_COUNTS[unit]) < 10 else "1 to 64"
        hint = (
            "MPU_TYPE.DREGION says how many"
            if _machine(unit) is Machine.ARM
            else "count the entries that keep what is written"
        )
        faults.add("slot-count", ["target", "slots"], f'"{unit}" has {known} slots, not {given}', hint)
    return given


def _memories(manifest: ManifestTable, base: Target, machine: Machine, faults: Faults) -> tuple[Memory, ...]:
    memories = {memory.name: memory for memory in base.memories}
    for name, table in manifest.memory.items():
        memory = _memory(name, table, memories.get(name), [m.name for m in base.memories], machine, faults)
        if memory is not None:
            memories[name] = memory
    found = sorted(memories.values(), key=lambda memory: (memory.range, memory.name))
    for lower, upper in itertools.pairwise(found):
        if lower.range.overlaps(upper.range):
            at = upper.name if upper.name in manifest.memory else lower.name
            text = f"memory `{lower.name}` {lower.range} and memory `{upper.name}` {upper.range} overlap"
            hint = "shorten one of them: what parts of one memory hold is the planner's to divide"
            faults.add("memory-overlap", ["memory", at], text, hint)
    for seen, alias, memory in itertools.product(found, base.aliases, found):
        hidden = behind(alias, seen.range)
        if hidden is not None and hidden.overlaps(memory.range):
            text = (
                f"memory `{seen.name}` {seen.range} is, in part, a second view of memory `{memory.name}` {memory.range}"
            )
            faults.add("memory-overlap", ["memory", seen.name], text, "describe these bytes at one of their addresses")
    for memory in found:
        for what in _registers(memory.range, base, machine):
            text = f"memory `{memory.name}` {memory.range} holds {what}"
            hint = "correct its origin and length: what is placed there is a partition's to write"
            faults.add("not-a-memory", ["memory", memory.name], text, hint)
    return tuple(sorted(memories.values(), key=lambda memory: memory.name))


def _registers(whole: AddressRange, base: Target, machine: Machine) -> Iterator[str]:
    """What in ``whole`` would give away more than its own bytes to whoever may write it."""
    if machine is Machine.ARM and whole.overlaps(PRIVATE_PERIPHERAL_BUS):
        yield "the private peripheral bus, where the MPU's own registers are"
    seen = physical(base.aliases, whole)
    for device in base.peripherals:
        if device.bus_master and any(one.overlaps(device.range) for one in seen):
            yield f"the registers of `{device.name}`, which is a way to memory past the regions"


def _memory(
    name: str, table: MemoryTable, chips: Memory | None, known: Iterable[str], machine: Machine, faults: Faults
) -> Memory | None:
    missing = [key for key in ("origin", "length", "access") if getattr(table, key) is UNSET]
    if missing and chips is None:
        text = ", ".join(f"`{key}`" for key in missing)
        message = f"[memory.{name}] needs {text}: the chip has no memory of that name"
        names = ", ".join(f"`{other}`" for other in sorted(known))
        hint = f"give {text}" + (f", or name one of the chip's: {names}" if names else "")
        faults.add("missing-key", ["memory", name], message, hint)
        return None
    origin = table.origin if table.origin is not UNSET else chips.range.base if chips else 0
    length = size_of(table.length) if table.length is not UNSET else chips.range.size if chips else 0
    access = Access.of(table.access) if table.access is not UNSET else chips.access if chips else Access.NONE
    if not 0 < length <= ADDRESS_SPACE_END - origin:
        at = "length" if table.length is not UNSET else "origin"
        text = f"{length} bytes from {hexadecimal(origin)} are not between one byte and the end of the address space"
        faults.add("memory-size", ["memory", name, at], text, f"give a length from 1 to {ADDRESS_SPACE_END - origin}")
        return None
    moved = chips is None or table.origin is not UNSET
    return Memory(
        name=name,
        range=AddressRange.of(origin, length),
        access=access,
        type=default_type(origin, machine) if moved or chips is None else chips.type,
        shareable=False if moved or chips is None else chips.shareable,
    )


def _pmp(manifest: ManifestTable, base: PmpTraits, unit: UnitName, faults: Faults) -> PmpTraits:
    table = manifest.target.pmp
    if table is UNSET:
        return base
    at = ["target", "pmp"]
    if unit is not UnitName.PMP:
        text = f'`pmp` describes a RISC-V PMP, and the unit is "{unit}"'
        faults.add("wrong-unit", at, text, "leave [target.pmp] out")
        return base
    grain = base.grain if table.grain is UNSET else table.grain
    if grain & (grain - 1):
        text = f"a grain of {grain} bytes is not a power of two"
        faults.add("bad-value", [*at, "grain"], text, f"give {max(4, next_power_of_two(grain))} if that is the core's")
    modes = base.modes if table.modes is UNSET else frozenset(table.modes)
    if grain > 4 and table.modes is not UNSET and "na4" in modes:
        # Privileged Architecture, pmpcfg.A: with G >= 1 the NA4 mode is not selectable.
        text = f'"na4" does not exist with a grain of {grain} bytes'
        faults.add("bad-value", [*at, "modes"], text, 'leave "na4" out, or say grain = 4')
    return replace(
        base,
        grain=grain,
        modes=modes - {"na4"} if grain > 4 else modes,
        fixed=_fixed(table, base, faults),
        smepmp=table.smepmp,
    )


def _fixed(table: PmpTable, base: PmpTraits, faults: Faults) -> tuple[FixedEntry, ...]:
    entries: dict[int, FixedEntry] = {}
    given: list[tuple[str, list[PmpEntryTable]]] = [
        (key, entries_) for key, entries_ in (("preset", table.preset), ("hardwired", table.hardwired)) if entries_
    ]
    for entry in base.fixed:
        replaced = table.hardwired if entry.hardwired else table.preset
        if replaced is UNSET:
            entries[entry.index] = entry
    for key, rows in given:
        for number, row in enumerate(rows):
            if row.index in entries:
                text = f"PMP entry {row.index} is described twice"
                faults.add("duplicate", ["target", "pmp", key, number], text, "keep one of the two")
            # A locked entry (pmpcfg.L) ignores writes until reset, whoever locked it.
            fixed = key == "hardwired" or bool(row.config & 0x80)
            entries[row.index] = FixedEntry(index=row.index, address=row.address, config=row.config, hardwired=fixed)
    return tuple(entries[index] for index in sorted(entries))
