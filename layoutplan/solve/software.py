"""Base, size and mask of each partition's linear memory, for isolation by compiler-inserted checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from layoutplan.model.access import BoundsChecks, Isolation
from layoutplan.model.component import Role, System
from layoutplan.model.plan import Placement, SoftwareBounds


def software_bounds(system: System, placements: Iterable[Placement]) -> Mapping[str, SoftwareBounds]:
    """By partition, sorted; a partition without linear memory has none, and its checks let nothing through.

    A component that masks gets ``size - 1``; for one that compares the mask is zero.
    """
    if Isolation.SOFTWARE not in system.isolation:
        return {}
    found: dict[str, SoftwareBounds] = {}
    for placement in placements:
        for part in placement.block.parts:
            if part.role is Role.LINEAR_MEMORY and part.component is not None:
                component = system.component(part.component)
                masks = component.bounds_checks is BoundsChecks.MASK
                found[component.partition] = SoftwareBounds(
                    base=placement.granted.base + part.offset, size=part.size, mask=part.size - 1 if masks else 0
                )
    return dict(sorted(found.items()))
