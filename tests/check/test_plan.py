"""A good plan holds."""

from __future__ import annotations

from layoutplan.check import check_plan
from tests.check.good import good_plan, good_system


def test_a_good_plan_holds() -> None:
    verdict = check_plan(good_system(), good_plan())
    assert verdict.findings == ()
    assert verdict.unknown == ()
    assert verdict.proved == verdict.obligations > 0
    assert verdict.holds
