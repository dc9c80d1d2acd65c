"""The checker checks itself: two methods that must agree, controls that must be found, a count that must be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from layoutplan.check import case, check_plan, checker, reference, reference_image, script
from layoutplan.check.decode_armv7m import Armv7m
from layoutplan.check.elf_image import parse_image
from layoutplan.check.permits import Match
from layoutplan.check.verify import verify_elf
from layoutplan.model.access import UnitName
from layoutplan.model.evidence import Verdict
from layoutplan.model.plan import Words

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
