"""Which peripherals components may be granted: one partition each, device registers only, never the private bus."""

from __future__ import annotations

from itertools import combinations

from layoutplan.address import AddressRange
from layoutplan.inputs.aliases import behind, physical
from layoutplan.inputs.faults import Faults, nearest
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable
from layoutplan.inputs.svd import Svd
from layoutplan.model.access import Machine, Trust
from layoutplan.model.component import System
from layoutplan.model.memory import Peripheral

PRIVATE_PERIPHERAL_BUS = AddressRange(0xE000_0000, 0xE010_0000)
"""The MPU's own registers, NVIC and SysTick are here (Armv7-M ARM, PPB): who may write them is privileged."""

KERNEL = "kernel"
"""The owner of what `[kernel] peripherals` lists; no partition has that name."""

DEVICES = AddressRange(0x4000_0000, 0xE000_0000)
"""Peripherals, external RAM and external devices in every Cortex-M (Armv7-M ARM: system address map).

Below are code and SRAM, where a chip may show any byte a second time, such as bit by bit; above is the system's own.
"""


def check_grants(system: System, manifest: ManifestTable, svd: Svd, faults: Faults) -> None:
    """Add one fault for each grant that would not keep partitions apart."""
    known = {peripheral.name: peripheral for peripheral in system.peripherals}
    every = known.keys() | {peripheral.name for peripheral in system.target.peripherals} | set(manifest.peripheral)
    owners: dict[str, str] = {}
    for index, name in enumerate(system.kernel.peripherals):
        if name not in every:
            _unknown(name, every, svd, ("kernel", "peripherals", index), faults)
        else:
            owners[name] = KERNEL
    for component in system.components:
        for index, name in enumerate(component.peripherals):
            at = ("component", component.name, "peripherals", index)
            if name not in every:
                _unknown(name, every, svd, at, faults)
                continue
            other = owners.setdefault(name, component.partition)
            if other == KERNEL:
                text = f"peripheral `{name}` is the kernel's, and is granted to partition `{component.partition}`"
                faults.add("granted-twice", at, text, "strike it from one of the two lists")
            elif other != component.partition:
                text = f"peripheral `{name}` is granted to partition `{other}` and to partition `{component.partition}`"
                faults.add("granted-twice", at, text, "one partition drives it and serves the other through a share")
            peripheral = known.get(name)
            if peripheral is None or not peripheral.bus_master or component.trust is Trust.VERIFIED:
                continue
            if "dma" not in component.accept:
                text = f"`{name}` is a way to memory past the regions, and untrusted `{component.name}` would have it"
                faults.add("dma", at, text, 'keep it in a verified component, or write accept = ["dma"]')
    for peripheral in known.values():
        _is_device(system, manifest, peripheral, faults)
    granted = [known[name] for name in sorted(owners) if name in known]
    _disjoint(system, granted, owners, manifest, faults)


def _unknown(name: str, every: set[str], svd: Svd, at: KeyPath, faults: Faults) -> None:
    ranges = svd.peripherals.get(name.lower(), ())
    if ranges:
        places = ", ".join(map(str, ranges))
        text = f"`{name}` has {len(ranges)} separate ranges in the SVD file: {places}"
        faults.add("scattered-peripheral", at, text, "describe the one that is needed as a [peripheral] of its own")
        return
    text = f"there is no peripheral `{name}`"
    faults.add("unknown-peripheral", at, text, nearest(name, every | svd.peripherals.keys()))


def _is_device(system: System, manifest: ManifestTable, peripheral: Peripheral, faults: Faults) -> None:
    at, told = _place(peripheral.name, manifest), False
    for memory in system.target.memories:
        if memory.range.overlaps(peripheral.range):
            text = f"peripheral `{peripheral.name}` {peripheral.range} overlaps memory `{memory.name}` {memory.range}"
            hint = "correct its base and size; memory that partitions use together is a [shared] table"
            faults.add("not-a-device", at, text, hint)
            told = True
    if system.target.machine is Machine.ARM and peripheral.range.overlaps(PRIVATE_PERIPHERAL_BUS):
        text = f"peripheral `{peripheral.name}` {peripheral.range} is on the private peripheral bus"
        faults.add("not-a-device", at, text, "let the kernel do it: its registers control the MPU itself")
        told = True
    for alias in system.target.aliases:
        hidden = behind(alias, peripheral.range)
        for memory in system.target.memories:
            if hidden is not None and hidden.overlaps(memory.range):
                text = f"peripheral `{peripheral.name}` {peripheral.range} is a second view of memory `{memory.name}`"
                hint = "correct its base; memory that partitions use together is a [shared] table"
                faults.add("not-a-device", at, text, hint)
                told = True
    chips = (known.range for known in system.target.peripherals)
    expected = any(known.contains(peripheral.range) for known in (DEVICES, *chips))
    if system.target.machine is Machine.ARM and not told and not expected:
        text = f"peripheral `{peripheral.name}` {peripheral.range} is not at an address of devices, {DEVICES}"
        hint = "correct its base and size; what a chip has elsewhere is granted as its catalogue entry lists it"
        faults.add("not-a-device", at, text, hint)


def _disjoint(
    system: System, granted: list[Peripheral], owners: dict[str, str], manifest: ManifestTable, faults: Faults
) -> None:
    """No register of one partition is another's, at its own address or through a second view of it."""
    views = {peripheral.name: physical(system.target.aliases, peripheral.range) for peripheral in granted}
    by_base = sorted(granted, key=lambda peripheral: (peripheral.range, peripheral.name))
    for lower, upper in combinations(by_base, 2):
        if owners[lower.name] == owners[upper.name]:
            continue
        if any(one.overlaps(other) for one in views[lower.name] for other in views[upper.name]):
            apart = not lower.range.overlaps(upper.range)
            text = (
                f"peripheral `{lower.name}` {lower.range} of {_holder(owners[lower.name])} and "
                f"peripheral `{upper.name}` {upper.range} of {_holder(owners[upper.name])} "
                + ("are two views of the same registers" if apart else "overlap")
            )
            hint = "grant both to one partition, or give each a range of its own"
            faults.add("granted-twice", _place(upper.name, manifest), text, hint)


def _holder(owner: str) -> str:
    return "the kernel" if owner == KERNEL else f"partition `{owner}`"


def _place(name: str, manifest: ManifestTable) -> tuple[str | int, ...]:
    """Where the manifest speaks of a peripheral: its own table, or who takes it from the chip."""
    if name in manifest.peripheral:
        return ("peripheral", name)
    if name in manifest.kernel.peripherals:
        return ("kernel", "peripherals", manifest.kernel.peripherals.index(name))
    for component, table in manifest.component.items():
        if name in table.peripherals:
            return ("component", component, "peripherals", table.peripherals.index(name))
    return ("peripheral", name)
