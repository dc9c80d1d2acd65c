"""The table that gale's verified ``mpu_switch`` takes: fault containment with power-of-two regions.

That model (pulseengine/gale, ``mpu_switch``) has eight regions for each of four partitions, each a power of two without
subregions, every one of them executable and open to privileged and unprivileged code alike, and no background map, so
that the kernel needs regions of its own in every partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Plan
from layoutplan.render.identity import plan_hash
from layoutplan.render.names import constant
from layoutplan.render.space import images, kernel_space
from layoutplan.render.templates import fill

REGIONS = 8
PARTITIONS = 4
LEAST_REGION = 32
"""Bytes, as PMSAv7 has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaleRegion:
    """One enabled entry, and what the model cannot take back from it."""

    range: AddressRange
    writable: bool
    what: str
    excess: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GalePartition:
    """A partition's entries in the order of their slots, at most eight."""

    name: str
    constant: str
    regions: tuple[GaleRegion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaleTable:
    """The table, and where the kernel's own regions end: what is above is out of its reach."""

    hash: int
    partitions: tuple[GalePartition, ...]
    kernel_code: AddressRange
    kernel_data: AddressRange


def gale_text(table: GaleTable) -> str:
    """The text of ``gale_table.rs``."""
    return fill("gale_table.rs.j2", table=table, slots=REGIONS * PARTITIONS, regions=REGIONS)


def gale_table(system: System, plan: Plan) -> GaleTable:
    """Prepare the table. ``BadInput`` with every reason why the plan does not fit the model or was not accepted."""
    faults = list(_refusals(system))
    kernel_code = _largest(kernel_space(system, plan, system.kernel.code_memory)[0], images(system, plan).base)
    kernel_data = _largest(*kernel_space(system, plan, system.kernel.data_memory))
    if kernel_code is None or kernel_data is None:
        raise BadInput(
            [
                *faults,
                Fault(
                    code="gale-kernel",
                    message="the partitions leave the kernel no region of its own",
                    hint="give the kernel's memories room, or use the default table",
                ),
            ]
        )
    partitions = []
    for name in sorted(partition.name for partition in system.partitions):
        regions = tuple(_regions(plan, name, kernel_code, kernel_data))
        partitions.append(GalePartition(name=name, constant=constant(name), regions=regions))
        if len(regions) > REGIONS:
            text = (
                f"partition `{name}` needs {len(regions)} power-of-two regions, the kernel's two included, of {REGIONS}"
            )
            hint = "pin its blocks to powers of two, or use the default table, whose regions have subregions"
            where = system.location(f"partition.{name}")
            faults.append(Fault(code="gale-regions", message=text, where=where, hint=hint))
        for region in regions:
            if region.range.end >= ADDRESS_SPACE_END:
                text = f"{region.what} {region.range} ends at 2^32, which the table cannot say"
                faults.append(
                    Fault(code="gale-regions", message=text, hint="pin its block lower, or use the default table")
                )
    if faults:
        raise BadInput(faults)
    return GaleTable(
        hash=plan_hash(system, plan), partitions=tuple(partitions), kernel_code=kernel_code, kernel_data=kernel_data
    )


def _refusals(system: System) -> Iterator[Fault]:
    where = system.location("target")
    if system.unit is not UnitName.ARMV7M or system.target.slots != REGIONS:
        text = f"--table gale is for armv7m with {REGIONS} slots, and this is {system.unit} with {system.target.slots}"
        yield Fault(code="gale-target", message=text, where=where, hint="use the default table")
    if len(system.partitions) > PARTITIONS:
        text = f"--table gale holds {PARTITIONS} partitions, and there are {len(system.partitions)}"
        yield Fault(code="gale-partitions", message=text, hint="use the default table, which holds any number")
    for component in system.components:
        if "gale-wx" not in component.accept:
            yield Fault(
                code="gale-wx",
                message=f"`{component.name}` could execute its data and reach the kernel's memory under gale's table",
                where=system.location(f"component.{component.name}"),
                hint='accept = ["gale-wx"] where containing faults is enough; the default table isolates',
            )


def _largest(base: int, end: int) -> AddressRange | None:
    """The largest region that begins at ``base`` and ends by ``end``."""
    size = LEAST_REGION
    if base % size or base + size > end:
        return None
    while base % (2 * size) == 0 and base + 2 * size <= end:
        size *= 2
    return AddressRange.of(base, size)


def _regions(plan: Plan, partition: str, code: AddressRange, data: AddressRange) -> Iterator[GaleRegion]:
    unprivileged = "unprivileged code reaches it"
    yield GaleRegion(range=code, writable=False, what="kernel code", excess=unprivileged)
    yield GaleRegion(range=data, writable=True, what="kernel data", excess=f"{unprivileged} and may execute it")
    granted = [
        (placement.granted, placement.block.granted_to[partition], placement.block.name)
        for placement in plan.placements
        if partition in placement.block.granted_to
    ]
    granted += [
        (piece, Access.RW, grant.name)
        for grant in plan.peripherals
        if grant.partition == partition
        for piece in merge(grant.cover)
    ]
    for whole, access, what in sorted(granted, key=lambda row: row[0]):
        excess = "" if Access.EXECUTE in access else "executable"
        for piece in powers_of_two(whole):
            yield GaleRegion(range=piece, writable=Access.WRITE in access, what=what, excess=excess)


def powers_of_two(whole: AddressRange) -> Iterator[AddressRange]:
    """The fewest aligned powers of two that together are ``whole``, ascending."""
    base = whole.base
    while base < whole.end:
        size = base & -base or ADDRESS_SPACE_END
        while base + size > whole.end:
            size //= 2
        yield AddressRange.of(base, size)
        base += size
