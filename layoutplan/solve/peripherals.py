"""Device registers granted to partitions, and the regions that match them exactly or with an accepted excess."""

from __future__ import annotations

from collections.abc import Iterable

from layoutplan.address import AddressRange
from layoutplan.errors import BadInput, Fault
from layoutplan.model.component import System
from layoutplan.model.memory import Peripheral
from layoutplan.model.plan import PeripheralGrant
from layoutplan.protection.together import Group, cover_together
from layoutplan.protection.unit import ProtectionUnit

PRIVATE_PERIPHERAL_BUS = AddressRange(0xE000_0000, 0xE010_0000)
"""The Arm system control space (Armv7-M ARM: system address map): whoever can write it can switch the MPU off."""

MOST_SLOTS = 4
"""A wider cover of more slots than this is no way out for one peripheral."""


def device_groups(unit: ProtectionUnit, granted: Iterable[PeripheralGrant]) -> tuple[Group, ...]:
    """What each region of one partition's peripherals matches: the fewest slots for all of them together."""
    ranges = [piece for grant in granted for piece in grant.cover]
    if not ranges:
        return ()
    groups = cover_together(unit, ranges)
    assert groups is not None, "each of them has an exact cover of its own"
    return groups


def device_slots(unit: ProtectionUnit, granted: Iterable[PeripheralGrant]) -> int:
    """Hardware slots that one partition's peripherals take."""
    return sum(1 if len(group) > 1 else unit.cost(group) for group in device_groups(unit, granted))


def grants(system: System, unit: ProtectionUnit) -> tuple[PeripheralGrant, ...]:
    """Every granted peripheral, sorted by partition and address.

    ``BadInput`` with the excess in bytes for one that no region matches exactly, unless its component accepts
    ``"excess"``; such an excess never reaches a memory, another partition's peripheral or the private bus.
    """
    wanted = [
        (component.partition, _peripheral(system, name), "excess" in component.accept, component.name)
        for component in system.components
        for name in component.peripherals
    ]
    found: list[PeripheralGrant] = []
    faults: list[Fault] = []
    for partition, peripheral, accepted, component in sorted(wanted, key=lambda want: (want[0], want[1].range)):
        where = system.location(f"component.{component}.peripherals")
        cover = unit.cover(peripheral.range)
        granted = peripheral.range if cover else unit.enclosing(peripheral.range, MOST_SLOTS)
        foreign = [memory.range for memory in system.target.memories] + [PRIVATE_PERIPHERAL_BUS]
        foreign += [other.range for owner, other, _, _ in wanted if owner != partition]
        foreign += [_peripheral(system, name).range for name in system.kernel.peripherals]
        if granted is None or (not cover and any(granted.overlaps(other) for other in foreign)):
            faults.append(
                Fault(
                    code="peripheral-cover",
                    message=f"no {unit.name} region matches peripheral `{peripheral.name}` {peripheral.range} "
                    "without reaching memory or a peripheral of another partition",
                    where=where,
                    hint="grant the peripherals that lie together to one partition",
                )
            )
            continue
        excess = granted.size - peripheral.range.size
        if excess and not accepted:
            faults.append(
                Fault(
                    code="peripheral-excess",
                    message=f"no {unit.name} region matches peripheral `{peripheral.name}` {peripheral.range} exactly; "
                    f"the least that does, {granted}, grants {excess} bytes more",
                    where=where,
                    hint=f'component.{component}: accept = ["excess"], or give the peripheral '
                    f"a base and size that are multiples of {unit.granule}",
                )
            )
            continue
        exact = cover or unit.cover(granted)
        assert exact is not None
        found.append(
            PeripheralGrant(
                name=peripheral.name, partition=partition, range=peripheral.range, cover=exact, excess=excess
            )
        )
    if faults:
        raise BadInput(faults)
    return tuple(found)


def _peripheral(system: System, name: str) -> Peripheral:
    """The manifest's own description of ``name``, else the chip's."""
    for peripheral in (*system.peripherals, *system.target.peripherals):
        if peripheral.name == name:
            return peripheral
    raise KeyError(name)
