"""What hard-wired PMP entries give every partition, closed by entries without rights before them."""

from __future__ import annotations

from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Region
from layoutplan.protection import unit_for
from layoutplan.protection.pmp_entries import open_ranges

OWNER = "hard-wired"
"""The owner of a region that closes what the chip would leave open."""


def programmable(system: System) -> range:
    """The slots that can be written. ``BadInput`` where hard-wired entries lie between them."""
    fixed = system.target.pmp.fixed if system.unit is UnitName.PMP else ()
    hardwired = {entry.index for entry in fixed if entry.hardwired}
    free = [index for index in range(system.target.slots) if index not in hardwired]
    if free and free[-1] - free[0] >= len(free):
        raise BadInput(
            [
                Fault(
                    code="hardwired-between",
                    message=f"hard-wired PMP entries {sorted(hardwired)} lie between programmable ones, "
                    "which a switch writes in one run",
                    where=system.location("target.pmp"),
                    hint="list only entries at the beginning or at the end, or lower target.slots",
                )
            ]
        )
    return range(free[0], free[-1] + 1) if free else range(0)


def closing_regions(system: System) -> tuple[Region, ...]:
    """Static regions without rights over what hard-wired entries leave open; none on other units.

    The lowest-numbered entry that matches decides, so a partition's own, dynamic entries come first and still grant.
    ``BadInput`` where the modes that the core has cannot close such a range.
    """
    if system.unit is not UnitName.PMP:
        return ()
    unit = unit_for(system.target)
    regions: list[Region] = []
    for range_ in open_ranges(system.target.pmp):
        cover = unit.cover(range_)
        if cover is None:
            raise BadInput(
                [
                    Fault(
                        code="hardwired-open",
                        message=f"hard-wired PMP entries open {range_} to every partition, "
                        "and no entry closes exactly it",
                        where=system.location("target.pmp"),
                        hint="plan for a core without such entries",
                    )
                ]
            )
        regions += (
            Region(
                owner=OWNER,
                ranges=(piece,),
                access=Access.NONE,
                words=unit.encode(piece, Access.NONE, MemoryType.DEVICE, True),
            )
            for piece in cover
        )
    return tuple(regions)


def closing_slots(system: System) -> int:
    """Slots that :func:`closing_regions` take of every partition."""
    return sum(len(region.words) for region in closing_regions(system))
