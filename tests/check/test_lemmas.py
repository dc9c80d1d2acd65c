"""The lemmas hold, and their controls do not."""

from __future__ import annotations

import pytest

from layoutplan.check.proof.lemmas import lemmas
from layoutplan.check.proof.prove import Answer, decide
from layoutplan.check.sabotage import reference
from layoutplan.model.access import UnitName


@pytest.mark.parametrize("unit", reference.UNITS)
def test_lemmas(unit: UnitName) -> None:
    for lemma in lemmas(unit, reference.system(unit).target):
        answers = [answer for answer, _ in decide(lemma.definitions, [lemma.asserted, lemma.control])]
        assert answers == [Answer.UNSAT, Answer.SAT], lemma.name


def test_an_exhausted_solver_says_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from layoutplan.check import check_plan
    from layoutplan.check.proof import prove

    monkeypatch.setattr(prove, "RESOURCE_LIMIT", 1)
    verdict = check_plan(reference.system(UnitName.ARMV7M), reference.plan(UnitName.ARMV7M))
    assert not verdict.holds
    assert "isolation.uart" in verdict.unknown
    assert verdict.findings == ()
