"""The checker checks itself: two methods that must agree, controls that must be found, a count that must be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check import check_plan, checker
from layoutplan.check.elf.image import parse_image
from layoutplan.check.proof import case, script
from layoutplan.check.sabotage import reference, reference_image
from layoutplan.check.sabotage.plans import replaced, rewritten
from layoutplan.check.verify import verify_elf
from layoutplan.check.words.armv7m import Armv7m
from layoutplan.check.words.permits import Match
from layoutplan.model.access import UnitName
from layoutplan.model.evidence import Verdict
from layoutplan.model.plan import Placement, Plan, Words

V7 = UnitName.ARMV7M


def verdict() -> Verdict:
    return check_plan(reference.system(V7), reference.plan(V7))


def rules(of: Verdict) -> set[str]:
    return {finding.rule for finding in of.findings}


def test_a_wrong_decoder_disagrees_with_the_prelude(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Armv7m.matches

    def without_subregions(self: Armv7m, slot: int, pair: Words) -> Iterator[Match]:
        return right(self, slot, (pair[0], pair[1] & ~0xFF00))

    monkeypatch.setattr(Armv7m, "matches", without_subregions)
    assert "methods-disagree" in rules(verdict())


def test_a_wrong_prelude_disagrees_with_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    right = script.prelude
    wrong = right("armv7m.smt2").replace(
        "(bvand a (bvnot (span rasr)))", "(bvand a (bvnot (bvlshr (span rasr) #x000000001)))"
    )
    assert wrong != right("armv7m.smt2")
    monkeypatch.setattr(script, "prelude", lambda _: wrong)
    assert "methods-disagree" in rules(verdict())


def test_a_lost_obligation_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    right = case.obligations_of
    monkeypatch.setattr(checker, "obligations_of", lambda asked: list(right(asked))[:-1])
    assert rules(verdict()) == {"obligation-count"}


def test_a_control_that_is_not_found_is_vacuous(monkeypatch: pytest.MonkeyPatch) -> None:
    right = script.availability
    monkeypatch.setattr(script, "availability", lambda partition: replace(right(partition), control="false"))
    assert rules(verdict()) == {"vacuous"}


def test_nothing_asked_is_not_proved() -> None:
    assert not Verdict(obligations=0, proved=0).holds
    assert not Verdict(obligations=1, proved=0).holds
    assert not Verdict(obligations=1, proved=1, unknown=("isolation.uart",)).holds


def test_the_count_is_the_manifests() -> None:
    """Six rules of one partition and three partitions, one more over all; transitions in an image only."""
    facts = case.Case(system=reference.system(V7), structural=(), found=(), grants={"uart": ()})
    assert case.expected_obligations(facts) == 1 + 3 * 7


def test_a_component_that_is_planned_only_keeps_its_block() -> None:
    """Neither entry nor exports: it is not in the image, and its block is where the script's symbols say."""
    image = reference_image.image(V7)
    image.pieces = [piece for piece in image.pieces if piece.name != ".lp.mixer.rodata"]
    system = reference.system(V7)
    linked = verify_elf(parse_image(image.elf(), "image"), system)
    assert rules(linked) == {"sections"}
    planned = tuple(replace(c, entry=None) if c.name == "mixer" else c for c in system.components)
    assert verify_elf(parse_image(image.elf(), "image"), replace(system, components=planned)).holds


def hostile_plans() -> st.SearchStrategy[Plan]:
    """The reference plan with numbers in it replaced: a plan file is input like any other."""
    good = reference.plan(V7)
    numbers = st.one_of(st.integers(-2, 40), st.sampled_from([-1, 1 << 31, 1 << 32, 1 << 40]))
    words = st.tuples(numbers, numbers)

    def change(slot: int, pair: Words, count: int, offset: int, size: int, block: str) -> Plan:
        plan = rewritten(good, "uart", slot, lambda _: pair)
        plan = replace(plan, slots=replace(plan.slots, dynamic=count))

        def bend(placement: Placement) -> Placement:
            parts = tuple(replace(part, offset=offset, size=size) for part in placement.block.parts[:1])
            return replace(placement, block=replace(placement.block, parts=parts, size=size))

        return replaced(plan, block, bend)

    blocks = st.sampled_from([placement.block.name for placement in good.placements])
    return st.builds(change, st.integers(0, 9), words, numbers, numbers, numbers, blocks)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(hostile_plans())
def test_any_plan_is_judged_and_the_methods_agree(plan: Plan) -> None:
    assert "methods-disagree" not in rules(check_plan(reference.system(V7), plan))
