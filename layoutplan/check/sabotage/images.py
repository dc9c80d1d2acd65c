"""One way to break a good image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.check.sabotage.writer import Image
from layoutplan.model.access import UnitName
from layoutplan.model.component import System


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSabotage:
    """One way to break a good image, in place. ``against_plan`` verifies it with the plan at hand.

    The finding overlaps ``touching``: a range, a section of the broken image or a block; without, it has no address.
    """

    name: str
    rule: str
    breaks: Callable[[Image], None]
    asks: Callable[[System], System] = lambda system: system
    partition: str = ""
    units: tuple[UnitName, ...] = reference.UNITS
    touching: AddressRange | str | None = None
    against_plan: bool = False
    alone: bool = False
