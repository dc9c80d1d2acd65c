"""The lock: kept while it checks, and where it does not, few blocks move."""

from __future__ import annotations

from dataclasses import replace

from layoutplan.address import AddressRange
from layoutplan.model.component import Kernel, System
from layoutplan.model.lock import Lock, LockedBlock
from layoutplan.model.memory import Reserve
from layoutplan.model.plan import Plan, Solved
from layoutplan.solve import solve
from layoutplan.solve.advice import lock_of
from tests.solve.systems import RAM, Want, system

WANTS = [Want(name=name, text=300 + 500 * k, bss=200 + 90 * k) for k, name in enumerate("abcdef")]


def plan_of(asked: System, lock: Lock | None = None, *, update: bool = False) -> Plan:
    outcome = solve(asked, lock=lock, update=update)
    assert isinstance(outcome, Solved)
    return outcome.plan


def moved(before: Plan, after: Plan) -> set[str]:
    return {
        placement.block.name
        for placement in after.placements
        if placement.granted != before.placement(placement.block.name).granted
    }


def shifted(asked: System) -> Lock:
    """A wasteful but sound lock: planned with 64 bytes at the end of the RAM reserved."""
    held = Reserve(memory="ram", range=AddressRange.of(RAM + 4096 - 64, 64))
    return lock_of(plan_of(replace(asked, reserves=(held,))))


def test_a_lock_that_still_checks_is_kept_though_a_better_layout_exists() -> None:
    asked = system(WANTS, flash=16_384)
    lock = shifted(asked)
    kept = plan_of(asked, lock)
    assert lock_of(kept) == lock
    assert kept.objective.value > plan_of(asked).objective.value
    assert not kept.objective.optimal


def test_update_searches_anew() -> None:
    asked = system(WANTS, flash=16_384)
    assert lock_of(plan_of(asked, shifted(asked), update=True)) == lock_of(plan_of(asked))


def test_a_component_that_grew_within_its_padding_moves_nothing() -> None:
    asked = system(WANTS, flash=16_384)
    before = plan_of(asked)
    room = before.placement("a.code").padding
    assert room > 0
    grown = system([replace(want, text=want.text + room * (want.name == "a")) for want in WANTS], flash=16_384)
    assert moved(before, plan_of(grown, lock_of(before))) == set()


def test_as_few_blocks_move_as_the_waste_allows() -> None:
    """One block outgrows its place: with room to waste only it moves; with none the best layout is taken."""
    asked = system(WANTS, flash=16_384)
    before = plan_of(asked)
    longer = [replace(want, bss=want.bss + 100 * (want.name == "c")) for want in WANTS]
    generous = replace(system(longer, flash=16_384), move_waste=0.5)
    after = plan_of(generous, lock_of(before))
    assert moved(before, after) == {"c.data"}
    strict = replace(generous, move_waste=0.0)
    best = plan_of(strict, lock_of(before))
    assert best.objective.value == plan_of(strict).objective.value
    assert best.objective.value <= after.objective.value


def test_a_new_component_moves_nothing_when_there_is_room_below() -> None:
    before = plan_of(system(WANTS[:-1], flash=16_384))
    asked = replace(system(WANTS, flash=16_384), move_waste=0.5)
    after = plan_of(asked, lock_of(before))
    old = {placement.block.name: placement.granted for placement in before.placements}
    kept = {placement.block.name: placement.granted for placement in after.placements}
    assert {name: kept[name] for name in old} == old


def test_a_lock_that_runs_into_the_kernel_is_not_kept() -> None:
    asked = system(WANTS, flash=16_384, ram=4096)
    lowest = min(placement.granted.base for placement in plan_of(asked).placements if placement.memory == "ram")
    lock = shifted(asked)
    bigger = replace(asked, kernel=Kernel(bss=lowest - RAM))
    after = plan_of(bigger, lock)
    assert min(p.granted.base for p in after.placements if p.memory == "ram") >= lowest


def test_a_lock_of_nonsense_is_as_good_as_none() -> None:
    asked = system(WANTS, flash=16_384)
    twisted = Lock(
        blocks={
            name: LockedBlock(memory="ram", granted=AddressRange.of(RAM, 4096), cover=())
            for name in ("a.data", "b.data", "c.code", "nobody")
        }
    )
    assert lock_of(plan_of(asked, twisted)) == lock_of(plan_of(asked))
