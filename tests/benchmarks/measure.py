"""One system searched: waste, gap to the proved bound, seconds of processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.model.component import System
from layoutplan.protection.overlay import denied_by
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.homes import propose
from layoutplan.solve.joint import Layout
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of
from layoutplan.solve.tangle import tangled, without

NEVER = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Waste by memory as a fraction of its span; gaps as fractions of the least weighted span.

    ``below`` is how far the layout is below what any layout without overlays wastes at least, as a fraction of that;
    ``denying`` the blocks that have one.
    """

    waste: dict[str, float]
    spans: dict[str, int]
    floor_gap: float
    gap: float
    seconds: float
    slots: float
    floor_slots: float
    lost: int
    below: float
    denying: int
    tangled: bool

    @property
    def proved(self) -> bool:
        """Whether the layout is proved the best: it meets the joint floor, or an exact search found none below."""
        return self.gap == 0


Change = Callable[[Problem], Problem]
"""What a row asks otherwise than the product would."""


def as_asked(problem: Problem) -> Problem:
    """The product's own question."""
    return problem


def measure(asked: System, effort: int = DEFAULT_EFFORT, change: Change = as_asked) -> Result | None:
    """``None`` when no layout was found. Time is that of the search alone, of the processor and not of the wall."""
    start = time.process_time()
    problem = change(problem_of(asked))
    placer = Placer(problem.unit)
    proposal = propose(problem, placer, Effort(effort)).proposal
    seconds = time.process_time() - start
    if proposal is None:
        return None
    layout = proposal.layout
    floor = floor_of(problem, padding_options(problem, placer, layout.homes))
    used = sum(problem.weights[layout.homes[item.index]] * item.block.size for item in problem.items)
    spans = {space.name: _span(problem, layout, home) for home, space in enumerate(problem.spaces)}
    least = {
        space.name: sum(item.block.size for item in problem.items if layout.homes[item.index] == home)
        for home, space in enumerate(problem.spaces)
    }
    return Result(
        waste={name: (spans[name] - least[name]) / spans[name] for name in spans if spans[name]},
        spans=spans,
        floor_gap=(layout.value - floor.bound) / (used + floor.bound),
        gap=(layout.value - proposal.bound) / (used + proposal.bound),
        seconds=seconds,
        slots=_a_partition(problem, layout.slots),
        floor_slots=_a_partition(problem, floor.slots or ()),
        lost=sum(spans.values()) - sum(least.values()),
        below=_below(problem, layout),
        denying=sum(bool(denied_by(problem.unit, cover)) for cover in _covers(problem, layout)),
        tangled=tangled(problem, layout),
    )


def _a_partition(problem: Problem, slots: Sequence[int]) -> float:
    """The mean, over partitions, of the slots that their blocks take."""
    return statistics.fmean(
        sum(slots[item.index] for item in problem.items if partition in item.charged)
        for partition in range(len(problem.partitions))
    )


def _below(problem: Problem, layout: Layout) -> float:
    plain = without(problem)
    floor = floor_of(plain, padding_options(plain, Placer(plain.unit), layout.homes)).bound
    return (floor - layout.value) / floor if floor else 0.0


def _covers(problem: Problem, layout: Layout) -> Iterator[tuple[AddressRange, ...]]:
    for item in problem.items:
        cover = problem.unit.cover(layout.ranges[item.index], item.wholes) if item.charged else None
        if cover is not None:
            yield cover


def _span(problem: Problem, layout: Layout, home: int) -> int:
    bases = [layout.ranges[item.index].base for item in problem.items if layout.homes[item.index] == home]
    end = problem.spaces[home].range.end
    return end - min(bases, default=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many results in one row."""

    sets: int
    refused: int
    results: tuple[Result, ...]

    @classmethod
    def of(cls, systems: Iterable[System], effort: int = DEFAULT_EFFORT, change: Change = as_asked) -> Summary:
        """Measure each of ``systems``."""
        found = [measure(asked, effort, change) for asked in systems]
        results = tuple(result for result in found if result is not None)
        return cls(sets=len(found), refused=len(found) - len(results), results=results)

    def mean(self, value: Callable[[Result], float]) -> float:
        """The mean over all results."""
        return statistics.fmean(map(value, self.results)) if self.results else NEVER

    def percentile(self, value: Callable[[Result], float], part: float) -> float:
        """The value that ``part`` of the results do not exceed."""
        return percentile([value(result) for result in self.results], part)

    @property
    def proved(self) -> float:
        """The fraction proved optimal."""
        return self.mean(lambda result: result.proved)


def percentile(values: Sequence[float], part: float) -> float:
    """The least value that at least ``part`` of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else NEVER
