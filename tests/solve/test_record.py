"""Z3 as the solver of record: accepts what holds, refuses what does not, and agrees with the exact search both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import Kind, UnitName
from layoutplan.model.component import Kernel, System
from layoutplan.model.memory import PmpTraits, Reserve
from layoutplan.model.plan import Solved
from layoutplan.solve import solve, solver
from layoutplan.solve.effort import Effort
from layoutplan.solve.homes import Searched, propose
from layoutplan.solve.joint import Layout
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of
from layoutplan.solve.record import No, Record, Yes
from tests.solve.systems import RAM, Want, system

EFFORT = 100_000
WANTS = [
    Want(name="a", text=1000, bss=500, stack=200),
    Want(name="b", text=2000, bss=700, pin={Kind.DATA: RAM + 0x400}),
    Want(name="c", text=900, bss=300, slots=3),
]
ASKED = system(WANTS, reserves=[Reserve(memory="ram", range=AddressRange.of(RAM + 0x100, 64))], kernel=Kernel(bss=100))


def proposed(asked: System) -> tuple[Problem, Layout]:
    problem = problem_of(asked)
    proposal = propose(problem, Placer(problem.unit), Effort(EFFORT)).proposal
    assert proposal is not None
    return problem, proposal.layout


def verdict(problem: Problem, layout: Layout) -> object:
    record = Record(problem, layout)
    return type(record.check(record.facts, EFFORT))


def with_range(problem: Problem, layout: Layout, name: str, base: int, end: int) -> Layout:
    """The layout with one block somewhere else; its slots are not looked at by Z3."""
    index = next(item.index for item in problem.items if item.block.name == name)
    ranges = (*layout.ranges[:index], AddressRange(base, end), *layout.ranges[index + 1 :])
    return replace(layout, ranges=ranges)


@pytest.mark.parametrize("unit", [UnitName.ARMV6M, UnitName.ARMV7M, UnitName.ARMV8M, UnitName.PMP])
def test_what_the_search_proposes_is_accepted(unit: UnitName) -> None:
    traits = PmpTraits(grain=32)
    asked = replace(ASKED, target=replace(ASKED.target, unit=unit, pmp=traits))
    assert verdict(*proposed(asked)) is Yes


@pytest.mark.parametrize(
    ("name", "base", "end"),
    [
        ("a.data", RAM + 0x400, RAM + 0x700),  # on `b.data`
        ("a.data", RAM + 0xD10, RAM + 0x1000),  # off the granule
        ("a.data", RAM + 0xF00, RAM + 0x1200),  # past the end of the RAM
        ("a.data", RAM + 0x20, RAM + 0x2E0),  # in the kernel and on the reserve
        ("a.data", RAM + 0xD40, RAM + 0xE00),  # too small
        ("b.data", RAM + 0x800, RAM + 0xAC0),  # off its pin
        ("c.data", RAM + 0xC20, RAM + 0xD60),  # legal, but in more slots than the partition has left
    ],
)
def test_a_layout_with_one_block_moved_wrongly_is_refused(name: str, base: int, end: int) -> None:
    problem, layout = proposed(ASKED)
    assert verdict(problem, layout) is Yes
    assert verdict(problem, with_range(problem, layout, name, base, end)) is No


def test_without_a_proposal_z3_finds_a_layout_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "propose", lambda *_, **__: Searched(None, False))
    outcome = solve(ASKED)
    assert isinstance(outcome, Solved)
    assert outcome.plan.objective.bound <= outcome.plan.objective.value


def test_a_wrong_proposal_is_repaired_and_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(problem: Problem, placer: Placer, effort: Effort, **_: object) -> Searched:
        searched = propose(problem, placer, effort)
        assert searched.proposal is not None
        overlapping = with_range(problem, searched.proposal.layout, "a.data", RAM + 0x400, RAM + 0x700)
        return Searched(replace(searched.proposal, layout=overlapping), True)

    monkeypatch.setattr(solver, "propose", wrong)
    outcome = solve(ASKED)
    assert isinstance(outcome, Solved)
    ranges = [placement.granted for placement in outcome.plan.placements]
    assert not any(one.overlaps(other) for one in ranges for other in ranges if one is not other)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(33, 1200), min_size=2, max_size=5), st.integers(1, 2))
def test_the_optimum_fits_and_one_granule_less_does_not(sizes: list[int], slots: int) -> None:
    """The exact search's least span, given to Z3 as all the RAM there is; then a granule less of it."""
    wants = [Want(name=name, bss=size, slots=slots) for name, size in zip("abcde", sizes, strict=False)]
    ample = system(wants, ram=16_384)
    outcome = solve(ample)
    assert isinstance(outcome, Solved)
    assert outcome.plan.objective.optimal
    span = RAM + 16_384 - min(placement.granted.base for placement in outcome.plan.placements)
    for room, expected in ((span, Yes), (span - 32, No)):
        record = Record(problem_of(replace(ample, kernel=Kernel(bss=16_384 - room))))
        assert isinstance(record.check(record.facts, 2_000_000), expected)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 900), min_size=2, max_size=4), st.integers(1, 3), st.integers(1, 400))
def test_more_slots_or_fewer_bytes_never_waste_more_room(sizes: list[int], slots: int, less: int) -> None:
    def span(sizes: list[int], slots: int) -> int:
        wants = [Want(name=name, bss=size, slots=slots) for name, size in zip("abcd", sizes, strict=False)]
        outcome = solve(system(wants, ram=8192))
        assert isinstance(outcome, Solved)
        assert outcome.plan.objective.optimal
        return RAM + 8192 - min(placement.granted.base for placement in outcome.plan.placements)

    before = span(sizes, slots)
    assert span(sizes, slots + 1) <= before
    assert span([max(1, sizes[0] - less), *sizes[1:]], slots) <= before


NAPOT = PmpTraits(grain=32, modes=frozenset({"napot"}))


@pytest.mark.parametrize("unit", [UnitName.ARMV7M, UnitName.PMP])
@pytest.mark.parametrize("split", [True, False])
def test_z3_finds_exactly_the_covers_that_there_are(unit: UnitName, *, split: bool) -> None:
    """One block between a pin and a reserve: in as many slots as its cheapest cover takes, and in none fewer."""

    @settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 200), st.integers(1, 60))
    def law(base: int, size: int) -> None:
        granted = AddressRange.of(RAM + 32 * base, 32 * size)
        wants = [Want(name="a", bss=granted.size, pin={Kind.DATA: granted.base}, split=split)]
        asked = system(
            wants,
            ram=8384,
            slots=16,
            unit=unit,
            pmp=NAPOT,
            reserves=[Reserve(memory="ram", range=AddressRange.of(granted.end, 32))],
        )
        problem = problem_of(asked)
        cover = problem.unit.cover(granted, problem.items[0].wholes)
        cost = problem.unit.cost(cover) if cover else 99
        for slots in {1, cost - 1, cost, cost + 1} & {1, 2, 3, 4, 5}:
            capped = replace(asked, partitions=tuple(replace(each, slots=slots) for each in asked.partitions))
            record = Record(problem_of(capped), lean=slots > 1)
            assert type(record.check(record.facts, 2_000_000)) is (Yes if slots >= cost else No), (granted, slots)

    law()
