"""Every broken plan is caught by the rule that is there for it."""

from __future__ import annotations

import pytest

from layoutplan.check import check_plan, reference
from layoutplan.check.sabotage import REGISTERS, STRUCTURE, Sabotage
from layoutplan.model.access import UnitName

CASES = [(s, unit) for s in (*STRUCTURE, *REGISTERS) for unit in s.units]


@pytest.mark.parametrize(("sabotage", "unit"), CASES, ids=[f"{unit}-{s.name}" for s, unit in CASES])
def test_a_broken_plan_is_caught(sabotage: Sabotage, unit: UnitName) -> None:
    verdict = check_plan(*sabotage.breaks(reference.system(unit), reference.plan(unit)))
    assert not verdict.holds
    rules = {finding.rule for finding in verdict.findings}
    assert not rules & {"methods-disagree", "vacuous", "obligation-count"}, verdict.findings
    named = [f for f in verdict.findings if f.rule == sabotage.rule and f.partition in (sabotage.partition, "")]
    assert named, verdict.findings
    if sabotage.touching is not None:
        assert any(f.range is not None and f.range.overlaps(sabotage.touching) for f in named), named
    if sabotage.alone:
        assert rules == {sabotage.rule}, verdict.findings
