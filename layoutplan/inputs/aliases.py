"""Second views of the same bytes: what lies behind a range of addresses."""

from __future__ import annotations

from collections.abc import Iterable

from layoutplan.address import AddressRange, merge
from layoutplan.model.memory import Alias

BIT_BAND = (
    Alias(view=AddressRange(0x2200_0000, 0x2400_0000), target=AddressRange(0x2000_0000, 0x2010_0000), scale=32),
    Alias(view=AddressRange(0x4200_0000, 0x4400_0000), target=AddressRange(0x4000_0000, 0x4010_0000), scale=32),
)
"""One word per bit of the first megabyte of SRAM and of peripherals (Cortex-M3 TRM, DDI 0337, bit-banding).

Cortex-M3 and M4 may have it, and nothing that software could ask says so: taken for granted where no chip is named.
"""


def behind(alias: Alias, seen: AddressRange) -> AddressRange | None:
    """The bytes that ``seen`` reaches through the alias's view, or ``None``."""
    part = alias.view.intersection(seen)
    if part is None:
        return None
    first = alias.target.base + (part.base - alias.view.base) // alias.scale
    last = alias.target.base + (part.last - alias.view.base) // alias.scale
    return AddressRange(first, last + 1)


def physical(aliases: Iterable[Alias], seen: AddressRange) -> tuple[AddressRange, ...]:
    """``seen`` itself, and what lies behind it through each alias."""
    views = [behind(alias, seen) for alias in aliases]
    return merge([seen, *(view for view in views if view is not None)])
