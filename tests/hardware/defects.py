"""One-field defects of a register table, what they would mean, and how to put them into an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from layoutplan.model.access import UnitName
from layoutplan.model.plan import Slot, Words
from tests.hardware.scene import Scene, edge_addresses
from tests.oracles import armv7m
from tests.protection import decode_armv8m, decode_pmp

DEVICES = 0x4000_0000
"""Where Arm's default map puts peripherals: QEMU crawls when it runs code from one."""


def defects(unit: UnitName, words: Words) -> Iterator[tuple[str, Words]]:
    """Every field of a live pair, wrong by one step."""
    match unit:
        case UnitName.ARMV6M | UnitName.ARMV7M:
            yield from _armv7m(*words)
        case UnitName.ARMV8M:
            yield from _armv8m(*words)
        case _:
            yield from _pmp(*words)


def live(unit: UnitName, words: Words) -> bool:
    """Whether the pair matches anything, or bounds a pair that does."""
    return words != (0, 0) if unit is UnitName.PMP else bool(words[1] & 1)


def _armv7m(rbar: int, rasr: int) -> Iterator[tuple[str, Words]]:
    """MPU_RASR: ENABLE bit 0, SIZE bits 5:1, SRD bits 15:8, AP bits 26:24, XN bit 28."""
    size = 2 << (rasr >> 1 & 0x1F)
    yield "not enabled", (rbar, rasr & ~1)
    yield "a size too large", (rbar, rasr + 2)
    yield "a base too high", (rbar + size, rasr)
    yield "a base too low", (rbar - size, rasr)
    if rasr & 1 << 28 and rbar < DEVICES:
        yield "executable too", (rbar, rasr & ~(1 << 28))
    other = 6 if rasr >> 24 & 7 == 3 else 3
    yield "writable the other way round", (rbar, rasr & ~(7 << 24) | other << 24)
    if size >= 256:
        for subregion in range(8):
            yield f"subregion {subregion} the other way round", (rbar, rasr ^ 0x100 << subregion)


def _armv8m(rbar: int, rlar: int) -> Iterator[tuple[str, Words]]:
    """MPU_RBAR: AP bits 2:1, XN bit 0; MPU_RLAR: inclusive limit above bit 5, EN bit 0."""
    yield "not enabled", (rbar, rlar & ~1)
    yield "the limit a granule too far", (rbar, rlar + 32)
    yield "the limit a granule short", (rbar, rlar - 32)
    yield "the base a granule too low", (rbar - 32, rlar)
    yield "the base a granule too high", (rbar + 32, rlar)
    if rbar & 1 and rbar < DEVICES:
        yield "executable too", (rbar & ~1, rlar)
    yield "writable the other way round", (rbar ^ 0b100, rlar)


def _pmp(address: int, config: int) -> Iterator[tuple[str, Words]]:
    """``pmpcfg``: A bits 4:3, X, W, R bits 2:0. The address of a TOR's lower bound stands in an entry that is off."""
    yield "an address bit more", (address + 1, config)
    yield "an address bit less", (address - 1, config)
    if config & 0x18:
        yield "off", (address, config & ~0x18)
        yield "another mode", (address, config ^ 0x10)
        yield "writable the other way round", (address, config ^ 2)
        if not config & 4:
            yield "executable too", (address, config | 4)


def rights(unit: UnitName, registers: Sequence[Words], address: int) -> str:
    """What unprivileged code may do at one address, read by the tests' own decoders; ``"malformed"`` if reserved."""
    try:
        match unit:
            case UnitName.ARMV6M | UnitName.ARMV7M:
                return armv7m.allowed(registers, address)
            case UnitName.ARMV8M:
                pairs = [found for pair in registers if (found := decode_armv8m.decode(*pair))]
                matching = [found.unprivileged for found in pairs if found.range[0] <= address < found.range[1]]
                return matching[0] if len(matching) == 1 else ""
            case _:
                return decode_pmp.permits(decode_pmp.decode(registers), address, 1)
    except (AssertionError, ValueError):
        return "malformed"


def broken(scene: Scene, partition: str) -> Iterator[tuple[str, list[Slot], list[int]]]:
    """The register files of ``partition`` with one defect, and the addresses where it changes what may be reached."""
    plan = scene.image.plan
    slots = plan.registers[partition]
    good = [slot.words for slot in slots]
    first = plan.slots.first_dynamic
    devices = {grant.name for grant in plan.peripherals}
    for slot in slots[first : first + plan.slots.dynamic]:
        # Where QEMU refuses bytes of devices, it does not show what a region over one lets through.
        shown = scene.image.machine.devices_take_bytes or slot.owner not in devices
        for what, words in defects(plan.unit, slot.words) if shown and live(plan.unit, slot.words) else ():
            bad = [words if other.index == slot.index else other.words for other in slots]
            file = [Slot(index=other.index, words=pair) for other, pair in zip(slots, bad, strict=True)]
            places = edge_addresses(scene, file)
            changed = [p for p in places if rights(plan.unit, good, p) != rights(plan.unit, bad, p)]
            if changed:
                yield f"{partition}, slot {slot.index}: {what}", file, changed


def patches(scene: Scene, partition: str, slots: Sequence[Slot]) -> Mapping[int, Sequence[int]]:
    """The words of the image's table, by address, that make a switch to ``partition`` store ``slots``."""
    plan, symbols = scene.image.plan, scene.image.symbols
    first, count = plan.slots.first_dynamic, plan.slots.dynamic
    number = scene.partitions.index(partition)
    own = slots[first : first + count]
    tag = plan.unit in (UnitName.ARMV6M, UnitName.ARMV7M)  # RBAR with VALID and REGION
    pairs = [word for slot in own for word in (slot.words[0] | (0x10 | slot.index if tag else 0), slot.words[1])]
    found: dict[int, Sequence[int]] = {symbols["LP_DYNAMIC"] + 8 * count * number: pairs}
    if plan.unit is UnitName.PMP:
        registers = range(first // 4, (first + count - 1) // 4 + 1)
        configs = [sum(slot.words[1] << 8 * (slot.index % 4) for slot in slots[4 * i : 4 * i + 4]) for i in registers]
        found[symbols["LP_DYNAMIC_CFG"] + 4 * len(registers) * number] = configs
    return found
