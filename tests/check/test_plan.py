"""Good plans hold."""

from __future__ import annotations

import pytest

from layoutplan.check import check_plan, reference
from layoutplan.model.access import UnitName


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_good_plan_holds(unit: UnitName) -> None:
    verdict = check_plan(reference.system(unit), reference.plan(unit))
    assert verdict.findings == ()
    assert verdict.unknown == ()
    assert verdict.proved == verdict.obligations > 0
    assert verdict.holds
