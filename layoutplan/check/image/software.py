"""Bounds for compiler-inserted checks: a partition's are exactly its own linear memory, or it has none at all.

The checks themselves are the compiler's, and its safety manifest's word is taken for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import ElfImage
from layoutplan.check.image.parts import ImageParts
from layoutplan.check.switch.table import read_software
from layoutplan.model.access import BoundsChecks, Isolation
from layoutplan.model.component import Component, Role, System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import Plan, SoftwareBounds

RULE = "software-bounds"


def software_bounds(system: System, plan: Plan) -> Iterator[Finding]:
    """What is wrong with the bounds of a plan."""
    if Isolation.SOFTWARE not in system.isolation:
        for partition in plan.software:
            yield Finding(rule=RULE, partition=partition, message="bounds that nobody asked for")
        return
    memories = {
        part.component: AddressRange.of(placement.granted.base + part.offset, part.size)
        for placement in plan.placements
        for part in placement.block.parts
        if part.role is Role.LINEAR_MEMORY and part.component is not None
    }
    yield from bounds_are_own(system, memories, plan.software)


def image_bounds(system: System, image: ElfImage, parts: ImageParts) -> Iterator[Finding]:
    """What is wrong with the bounds that a linked image starts its tasks with."""
    rows, findings = read_software(image)
    yield from (replace(finding, rule=RULE) for finding in findings)
    names = sorted(p.name for p in system.partitions)
    if len(rows) != len(names):
        yield Finding(rule=RULE, message=f"LP_SOFTWARE has {len(rows)} rows where there are {len(names)} partitions")
        return
    told = {
        name: SoftwareBounds(base=base, size=size, mask=mask)
        for name, (base, size, mask) in zip(names, rows, strict=True)
        if (base, size, mask) != (0, 0, 0)
    }
    memories = {c.name: parts.sections.get(f"{c.name}.{Role.LINEAR_MEMORY}") for c in system.components}
    yield from bounds_are_own(system, {name: found.range for name, found in memories.items() if found}, told)


def bounds_are_own(
    system: System, memories: Mapping[str, AddressRange], told: Mapping[str, SoftwareBounds]
) -> Iterator[Finding]:
    """``told`` by partition against ``memories``, which are where each component's linear memory is."""
    for partition in sorted(set(told) - {p.name for p in system.partitions}):
        yield Finding(rule=RULE, partition=partition, message="bounds of no partition")
    for name in sorted(p.name for p in system.partitions):
        owners = [c for c in system.components if c.partition == name and c.linear_memory]
        if len(owners) > 1:
            both = " and ".join(f"`{owner.name}`" for owner in owners)
            yield Finding(rule=RULE, partition=name, message=f"one base cannot bound the memories of {both}")
            continue
        bounds = told.get(name)
        if not owners:
            if bounds is not None:
                yield Finding(rule=RULE, partition=name, message="bounds of a linear memory that it does not have")
        elif bounds is None:
            yield Finding(rule=RULE, partition=name, message=f"no bounds for the linear memory of `{owners[0].name}`")
        elif owners[0].name in memories:
            yield from _one(name, owners[0], memories[owners[0].name], bounds)


def _one(partition: str, owner: Component, memory: AddressRange, bounds: SoftwareBounds) -> Iterator[Finding]:
    def fault(message: str) -> Finding:
        return Finding(rule=RULE, partition=partition, range=memory, message=message)

    if bounds.size < 1 or bounds.base < 0 or not memory.contains(AddressRange.of(bounds.base, bounds.size)):
        yield fault(f"{bounds.size} B from {bounds.base:#010x} are not inside the linear memory of `{owner.name}`")
    elif bounds.base != memory.base or bounds.size < owner.linear_memory:
        # Code with its size compiled in would go on where the bounds end.
        yield fault(f"the bounds leave out some of the {owner.linear_memory} B that `{owner.name}` was compiled for")
    if owner.bounds_checks is BoundsChecks.MASK:
        if bounds.mask != bounds.size - 1 or bounds.mask & bounds.size:
            yield fault(f"mask {bounds.mask:#x} does not keep an access inside {bounds.size} B")
    elif bounds.mask:
        yield fault(f"`{owner.name}` compares with the size, and the bounds have mask {bounds.mask:#x}")
