"""Overlays of one partition that deny each other's blocks: no order of slots grants both."""

from __future__ import annotations

import itertools
from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.protection.overlay import denied_by, without_overlays
from layoutplan.solve.joint import Layout, layout_of
from layoutplan.solve.kept import conflicts
from layoutplan.solve.problem import Problem


def tangled(problem: Problem, layout: Layout) -> bool:
    """Whether two blocks of one partition deny each other, so that the layout has no registers."""
    reaching = []
    for item in problem.items:
        cover = problem.unit.cover(layout.ranges[item.index], item.wholes) if item.charged else None
        if cover is not None and (denied := denied_by(problem.unit, cover)):
            reaching.append((item, denied))
    return any(
        set(one.charged) & set(other.charged)
        and _reaches(denied, layout.ranges[other.index])
        and _reaches(others, layout.ranges[one.index])
        for (one, denied), (other, others) in itertools.combinations(reaching, 2)
    )


def without(problem: Problem) -> Problem:
    """The question without overlays: each of its layouts is one of ``problem`` too, and none is tangled."""
    return replace(problem, unit=without_overlays(problem.unit))


def with_plain_covers(plain: Problem, layout: Layout) -> Layout | None:
    """The same places in a question without overlays; ``None`` where they have no cover or too few slots."""
    places = zip(plain.items, layout.ranges, strict=True)
    if any(item.charged and plain.unit.cover(granted, item.wholes) is None for item, granted in places):
        return None
    same = layout_of(plain, layout.homes, layout.ranges)
    return None if conflicts(plain, same) else same


def _reaches(denied: tuple[AddressRange, ...], granted: AddressRange) -> bool:
    return any(piece.overlaps(granted) for piece in denied)
