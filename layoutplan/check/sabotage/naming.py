"""Whether a finding names what was broken: the rule, the partition and the address."""

from __future__ import annotations

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import Sabotage
from layoutplan.check.sabotage.writer import Image
from layoutplan.model.access import UnitName
from layoutplan.model.evidence import Finding, Verdict


def named(
    verdict: Verdict, sabotage: Sabotage | ImageSabotage, unit: UnitName, image: Image | None = None
) -> tuple[Finding, ...]:
    """The findings of the sabotage's rule, for its partition, at its place; of no address where it has no place."""
    place = _place(sabotage.touching, unit, image)
    return tuple(
        finding
        for finding in verdict.findings
        if (finding.rule, finding.partition) == (sabotage.rule, sabotage.partition)
        and (finding.range is None if place is None else finding.range is not None and finding.range.overlaps(place))
    )


def _place(touching: AddressRange | str | None, unit: UnitName, image: Image | None) -> AddressRange | None:
    if not isinstance(touching, str):
        return touching
    if image is not None and touching.startswith("."):
        piece = image.piece(touching)
        return AddressRange.of(piece.address, piece.size)
    return reference.plan(unit).placement(touching).granted
