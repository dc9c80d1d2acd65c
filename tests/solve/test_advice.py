"""Advice holds, and a byte less of it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layoutplan.model.component import Kernel, Role, System
from layoutplan.model.plan import Advice, Plan, Solved
from layoutplan.solve import advise, solve
from layoutplan.solve.advice import lock_of, stays
from layoutplan.solve.ways_out import grown, shrunk
from tests.solve.systems import Want, system

WANTS = [
    Want(name="a", text=1032, bss=516, slots=2),
    Want(name="b", text=2050, bss=700),
    Want(name="c", text=900, bss=300),
]
ASKED = system(WANTS, kernel=Kernel(reserved_slots=1))


def plan_of(asked: System) -> Plan:
    outcome = solve(asked)
    assert isinstance(outcome, Solved)
    return outcome.plan


def spans(plan: Plan) -> dict[str, int]:
    ends = {"flash": 8192, "ram": 0x2000_0000 + 4096}
    return {
        name: end - min(placement.granted.base for placement in plan.placements if placement.memory == name)
        for name, end in ends.items()
    }


@pytest.fixture(scope="module")
def advice() -> tuple[Advice, ...]:
    return advise(ASKED, plan_of(ASKED))


def of_kind(advice: tuple[Advice, ...], kind: str) -> list[Advice]:
    found = [each for each in advice if each.kind == kind]
    assert found, f"no advice to {kind}"
    return found


def test_a_few_bytes_less_save_what_is_said_and_one_byte_fewer_less(advice: tuple[Advice, ...]) -> None:
    before = spans(plan_of(ASKED))
    for each in of_kind(advice, "shrink"):
        name, role = each.subject.split(".")
        after = spans(plan_of(shrunk(ASKED, name, Role(role), each.amount)))
        nearly = spans(plan_of(shrunk(ASKED, name, Role(role), each.amount - 1)))
        assert before[each.memory] - after[each.memory] == each.saves
        assert before[each.memory] - nearly[each.memory] < each.saves
    texts = [each.text for each in of_kind(advice, "shrink")]
    assert texts[0] == "`a.text` with 8 bytes less would give 256 bytes of flash back"


def test_one_slot_more_saves_what_is_said(advice: tuple[Advice, ...]) -> None:
    before = spans(plan_of(ASKED))
    more = replace(ASKED.partitions[0], slots=3)
    after = spans(plan_of(replace(ASKED, partitions=(more, *ASKED.partitions[1:]))))
    slot = next(each for each in of_kind(advice, "slot") if each.subject == "a")
    assert before[slot.memory] - after[slot.memory] == slot.saves > 0


def test_a_slot_that_would_save_nothing_is_not_advised() -> None:
    """Of two partitions at their caps one would win by a slot more; what the other asks fits one region anywhere."""
    asked = system([Want(name="a", text=1032, bss=64, slots=2), Want(name="b", text=32, bss=64, slots=2)])
    before = spans(plan_of(asked))
    advised = {each.subject: each for each in of_kind(advise(asked, plan_of(asked)), "slot")}
    assert set(advised) == {"a"}
    for name, saved in (("a", advised["a"].saves), ("b", 0)):
        partitions = tuple(replace(each, slots=3) if each.name == name else each for each in asked.partitions)
        assert before["flash"] - spans(plan_of(replace(asked, partitions=partitions)))["flash"] == saved


def test_a_component_may_grow_as_far_as_is_said_and_no_further(advice: tuple[Advice, ...]) -> None:
    lock = lock_of(plan_of(ASKED))
    for each in of_kind(advice, "grow"):
        name, role = each.subject.split(".")
        assert stays(grown(ASKED, name, Role(role), each.amount), lock)
        assert not stays(grown(ASKED, name, Role(role), each.amount + 1), lock)


def test_without_isolation_there_is_nothing_to_advise() -> None:
    asked = system(WANTS, isolated=False)
    assert advise(asked, plan_of(asked)) == ()
