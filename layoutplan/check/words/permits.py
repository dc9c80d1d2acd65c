"""What register words permit, as intervals: between two neighbouring region edges nothing changes.

One :class:`Match` is what one hardware slot matches by itself; :func:`highest_wins`, :func:`lowest_wins` and
:func:`overlap_faults` are the three rules by which units combine slots. The result is the exact function of the
address, so a question about all addresses is a question about a few dozen intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from layoutplan.address import AddressRange
from layoutplan.model.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One slot by itself: the ranges it matches, unprivileged and privileged rights, and the memory attribute bits."""

    slot: int
    ranges: tuple[AddressRange, ...]
    user: Access
    privileged: Access
    attribute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Addresses that one slot decides, and how. Where several slots match and fault, ``slot`` is -1."""

    range: AddressRange
    slot: int
    user: Access
    privileged: Access
    attribute: int = 0


Combine = Callable[[Sequence[Match]], Match]
CLASH = -1


def highest_wins(matches: Sequence[Match]) -> Match:
    """Armv6-M and v7-M: of overlapping regions the one with the highest number decides."""
    return max(matches, key=lambda match: match.slot)


def lowest_wins(matches: Sequence[Match]) -> Match:
    """PMP: the lowest-numbered entry that matches decides, also when it denies."""
    return min(matches, key=lambda match: match.slot)


def overlap_faults(matches: Sequence[Match]) -> Match:
    """Armv8-M: an address in more than one enabled region faults, whatever their attributes."""
    if len(matches) == 1:
        return matches[0]
    return Match(slot=CLASH, ranges=(), user=Access.NONE, privileged=Access.NONE)


def resolve(matches: Iterable[Match], combine: Combine) -> tuple[Interval, ...]:
    """The intervals, ascending and disjoint, where at least one slot matches."""
    pieces = [(piece, match) for match in matches for piece in match.ranges]
    edges = sorted({edge for piece, _ in pieces for edge in (piece.base, piece.end)})
    found: list[Interval] = []
    for start, end in pairwise(edges):
        base = start
        here = [match for piece, match in pieces if base in piece]
        if not here:
            continue
        winner = combine(here)
        previous = found[-1] if found else None
        if previous and previous.range.end == base and _same(previous, winner):
            base = found.pop().range.base
        found.append(
            Interval(
                range=AddressRange(base, end),
                slot=winner.slot,
                user=winner.user,
                privileged=winner.privileged,
                attribute=winner.attribute,
            )
        )
    return tuple(found)


def _same(interval: Interval, match: Match) -> bool:
    return interval.slot == match.slot and interval.user == match.user


def cut(interval: Interval, edges: Iterable[int]) -> Iterator[AddressRange]:
    """The interval's range cut at those ``edges`` that are inside."""
    inside = sorted({edge for edge in edges if interval.range.base < edge < interval.range.end})
    position = interval.range.base
    for edge in (*inside, interval.range.end):
        yield AddressRange(position, edge)
        position = edge
