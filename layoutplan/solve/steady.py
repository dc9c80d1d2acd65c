"""With a lock that no longer fits: as few blocks move as possible, within the extra waste that the manifest allows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction

from layoutplan.address import AddressRange
from layoutplan.model.lock import Lock
from layoutplan.solve.effort import Effort
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.joint import NARROW, Joint, Layout, slots_of
from layoutplan.solve.kept import locked_place
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem

Places = Mapping[int, tuple[int, AddressRange]]
"""By item: its memory and its range."""


def steadied(problem: Problem, placer: Placer, lock: Lock, best: Layout, effort: Effort) -> Layout:
    """The layout that moves the fewest blocks of ``lock`` and wastes at most ``move_waste`` of the bytes asked more.

    ``best`` when none does, or none was found within ``effort``.
    """
    asked = sum(problem.weights[best.homes[item.index]] * item.block.size for item in problem.items)
    allowed = best.value + int(Fraction(repr(problem.system.move_waste)) * asked)
    places = _staying(problem, lock)
    for freed in _choices(places):
        stay = {index: place for index, place in places.items() if index not in freed}
        unmoved = sum(best.ranges[index] == place for index, (_, place) in places.items())
        if effort.exhausted or len(stay) <= unmoved:
            return best
        layout = _around(problem, placer, stay, best, effort)
        if layout is not None and layout.value <= allowed:
            return layout
    return best


def _staying(problem: Problem, lock: Lock) -> Places:
    """The blocks that may stay where the lock has them, as far as each alone and its neighbours are concerned."""
    places = {item.index: place for item in problem.items if (place := locked_place(problem, item, lock)) is not None}
    return {
        index: (home, granted)
        for index, (home, granted) in places.items()
        if not any(granted.overlaps(other) for each, (_, other) in places.items() if each != index)
    }


def _choices(places: Places) -> Iterator[frozenset[int]]:
    """Sets of blocks to let go, fewest first; small blocks first among equals."""
    order = sorted(places, key=lambda index: (places[index][1].size, index))
    for count in range(len(order) + 1):
        for freed in itertools.combinations(order, count):
            yield frozenset(freed)


def _around(problem: Problem, placer: Placer, stay: Places, best: Layout, effort: Effort) -> Layout | None:
    """The best layout found with the blocks of ``stay`` where they are."""
    homes = tuple(stay[item.index][0] if item.index in stay else best.homes[item.index] for item in problem.items)
    options = dict(padding_options(problem, placer, homes))
    for index, (home, granted) in stay.items():
        item = problem.items[index]
        padding = problem.weights[home] * (granted.size - item.block.size)
        options[index] = ((slots_of(problem, item, granted), padding),)
    floor = floor_of(problem, options)
    effort.spend(len(problem.items))
    if floor.slots is None:
        return None
    fixed = {index: granted for index, (_, granted) in stay.items()}
    return Joint(problem, placer, homes, options, floor, fixed).search(effort, NARROW)
