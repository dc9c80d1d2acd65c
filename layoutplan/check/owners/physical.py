"""Aliases folded: the physical byte behind an address, and every address of a physical byte.

A protection unit matches the address that the core issues; what is read or written is a physical byte. A bit-band
word, a second bus view or a boot remap reaches the same byte under another address, so ownership is physical.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from layoutplan.address import AddressRange
from layoutplan.model.memory import Alias


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring addresses and the physical bytes they reach; ``scale`` addresses to each byte."""

    issued: AddressRange
    physical: AddressRange
    scale: int = 1

    def issued_for(self, physical: AddressRange) -> AddressRange:
        """The addresses of this piece that reach ``physical``, which must overlap the piece."""
        first = self.issued.base + (physical.base - self.physical.base) * self.scale
        last = self.issued.base + (physical.end - self.physical.base) * self.scale
        return AddressRange(max(first, self.issued.base), min(last, self.issued.end))


def depth(aliases: Iterable[Alias]) -> int | None:
    """How many steps folding takes at most: a bit-band word of a second bus view takes two. ``None``: it never ends."""
    aliases = tuple(aliases)

    def steps(alias: Alias, left: int) -> int:
        if left == 0:
            raise RecursionError
        return 1 + max((steps(other, left - 1) for other in aliases if alias.target.overlaps(other.view)), default=0)

    try:
        return max((steps(alias, len(aliases)) for alias in aliases), default=0)
    except RecursionError:
        return None


def fold(aliases: Iterable[Alias], issued: AddressRange) -> Iterator[Piece]:
    """``issued`` cut at the edges of alias views, ascending, each piece with its physical bytes."""
    aliases = tuple(aliases)
    yield from _fold(aliases, issued, len(aliases))


def physical_ranges(aliases: Iterable[Alias], issued: AddressRange) -> tuple[AddressRange, ...]:
    """The physical bytes that the addresses of ``issued`` reach."""
    return tuple(piece.physical for piece in fold(aliases, issued))


def _deciding(aliases: tuple[Alias, ...], address: int) -> Alias | None:
    return next((alias for alias in aliases if address in alias.view), None)


def _fold(aliases: tuple[Alias, ...], issued: AddressRange, left: int) -> Iterator[Piece]:
    edges = {issued.base, issued.end}
    for alias in aliases:
        edges |= {edge for edge in (alias.view.base, alias.view.end) if issued.base < edge < issued.end}
    for base, end in pairwise(sorted(edges)):
        found = _deciding(aliases, base)
        if found is None or left == 0:
            yield Piece(AddressRange(base, end), AddressRange(base, end))
            continue
        first = found.target.base + (base - found.view.base) // found.scale
        last = found.target.base + (end - 1 - found.view.base) // found.scale
        # A region may begin in the middle of a byte's bit-band words: the piece then starts before its first byte.
        start = found.view.base + (first - found.target.base) * found.scale
        outer = Piece(AddressRange(start, end), AddressRange(first, last + 1), found.scale)
        for inner in _fold(aliases, outer.physical, left - 1):
            yield Piece(outer.issued_for(inner.issued), inner.physical, outer.scale * inner.scale)
