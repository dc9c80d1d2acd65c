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


def fold_address(aliases: Iterable[Alias], address: int) -> int:
    """The physical address behind ``address``; the first alias whose view holds it decides."""
    for alias in aliases:
        if address in alias.view:
            return alias.target.base + (address - alias.view.base) // alias.scale
    return address


def fold(aliases: Iterable[Alias], issued: AddressRange) -> Iterator[Piece]:
    """``issued`` cut at the edges of alias views, ascending, each piece with its physical bytes."""
    aliases = tuple(aliases)
    edges = {issued.base, issued.end}
    for alias in aliases:
        edges |= {edge for edge in (alias.view.base, alias.view.end) if issued.base < edge < issued.end}
    ordered = sorted(edges)
    for base, end in pairwise(ordered):
        found = [alias for alias in aliases if base in alias.view]
        if not found:
            yield Piece(AddressRange(base, end), AddressRange(base, end))
            continue
        alias = found[0]
        first = alias.target.base + (base - alias.view.base) // alias.scale
        last = alias.target.base + (end - 1 - alias.view.base) // alias.scale
        # A region may begin in the middle of a byte's bit-band words: the piece then starts before its first byte.
        start = alias.view.base + (first - alias.target.base) * alias.scale
        yield Piece(AddressRange(start, end), AddressRange(first, last + 1), alias.scale)


def physical_ranges(aliases: Iterable[Alias], issued: AddressRange) -> tuple[AddressRange, ...]:
    """The physical bytes that the addresses of ``issued`` reach."""
    return tuple(piece.physical for piece in fold(aliases, issued))
