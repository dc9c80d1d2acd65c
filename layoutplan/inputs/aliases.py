"""Second views of the same bytes: what lies behind a range of addresses."""

from __future__ import annotations

from collections.abc import Iterable

from layoutplan.address import AddressRange, merge
from layoutplan.model.memory import Alias


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
