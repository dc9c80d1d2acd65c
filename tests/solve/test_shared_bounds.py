"""TOR bounds that neighbours share, counted in slots: against every layout of a tiny memory."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.check import check_plan
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.memory import PmpTraits
from layoutplan.model.plan import Infeasible, Solved
from layoutplan.solve import solve
from layoutplan.solve.joint import layout_of
from layoutplan.solve.problem import problem_of
from layoutplan.solve.record import No, Record, Yes
from layoutplan.solve.shared_bounds import shared
from tests.solve.brute import GRANULE, one_region
from tests.solve.systems import Want, system

BOTH, TOR = frozenset({"napot", "tor"}), frozenset({"tor"})
by_modes = pytest.mark.parametrize("modes", [BOTH, TOR], ids=["NAPOT and TOR", "TOR"])


def asked(text: int, rodata: int, other: int, *, slots: int, granules: int, modes: frozenset[str]) -> System:
    """`a` with code and constants, `b` with code, all in one flash at the end of which the kernel has nothing."""
    wants = [Want(name="a", text=text, rodata=rodata, slots=slots), Want(name="b", text=other)]
    made = system(
        wants,
        flash=granules * GRANULE,
        slots=16,
        unit=UnitName.PMP,
        pmp=PmpTraits(grain=GRANULE, modes=modes),
        weights={"flash": 1.0, "ram": 1.0},
    )
    return replace(made, partitions=tuple(replace(each, rodata_separate=True) for each in made.partitions))


def best_waste(sizes: tuple[int, int, int], slots: int, granules: int, modes: frozenset[str]) -> int | None:
    """Over every three ranges that do not overlap; the first two are one partition's."""
    best = None
    choices = [
        [(b, e) for b in range(granules) for e in range(b + -(-size // GRANULE), granules + 1)] for size in sizes
    ]
    for code, rodata, other in itertools.product(*choices):
        if any(one[0] < two[1] and two[0] < one[1] for one, two in itertools.combinations((code, rodata, other), 2)):
            continue
        spent = [one_region(UnitName.PMP, modes, *piece) for piece in (code, rodata)]
        meets = code[1] == rodata[0] or rodata[1] == code[0]
        if sum(spent) - (spent == [2, 2] and meets) > slots:
            continue
        waste = (granules - min(code[0], rodata[0], other[0])) * GRANULE - sum(sizes)
        best = waste if best is None else min(best, waste)
    return best


@by_modes
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_feasibility_and_waste_are_those_of_brute_force(modes: frozenset[str], data: st.DataObject) -> None:
    size = st.integers(1, 4 * GRANULE)
    sizes = (data.draw(size), data.draw(size), data.draw(size))
    granules, slots = data.draw(st.integers(3, 9)), data.draw(st.integers(1, 4))
    made = asked(*sizes, slots=slots, granules=granules, modes=modes)
    expected = best_waste(sizes, slots, granules, modes)
    outcome = solve(made)
    if expected is None:
        assert isinstance(outcome, Infeasible)
        return
    assert isinstance(outcome, Solved)
    assert outcome.plan.objective.bound <= expected <= outcome.plan.objective.value
    if outcome.plan.objective.optimal:
        assert outcome.plan.objective.value == expected
    assert check_plan(made, outcome.plan).holds
    enabled = [slot for slot in outcome.plan.registers["a"] if slot.words != (0, 0)]
    assert len(enabled) <= slots


@by_modes
def test_three_entries_are_enough_for_two_neighbours(modes: frozenset[str]) -> None:
    outcome = solve(asked(100, 70, 40, slots=3, granules=64, modes=modes))
    assert isinstance(outcome, Solved)
    code, rodata = (outcome.plan.placement(name).granted for name in ("a.code", "a.rodata"))
    if modes == TOR:
        assert code.end == rodata.base or rodata.end == code.base
        assert len([slot for slot in outcome.plan.registers["a"] if slot.words != (0, 0)]) == 3
    assert isinstance(solve(asked(100, 70, 40, slots=1, granules=64, modes=modes)), Infeasible)


def test_z3_counts_the_bound_once_only_where_the_blocks_meet() -> None:
    made = asked(100, 70, 40, slots=3, granules=64, modes=TOR)
    problem = problem_of(made)
    outcome = solve(made)
    assert isinstance(outcome, Solved)
    place = {placement.block.name: placement.granted for placement in outcome.plan.placements}
    homes = tuple(problem.homes(item)[0] for item in problem.items)
    good = layout_of(problem, homes, tuple(place[item.block.name] for item in problem.items))
    away = {**place, "a.code": AddressRange.of(0x100, place["a.code"].size)}
    bad = layout_of(problem, homes, tuple(away[item.block.name] for item in problem.items))
    assert [shared(problem, layout.ranges, 0) for layout in (good, bad)] == [1, 0]
    for layout, expected in ((good, Yes), (bad, No)):
        record = Record(problem, layout)
        assert isinstance(record.check(record.facts, 100_000), expected)
