"""On tiny address spaces the planner and brute force agree on what fits, and on the least waste."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import UnitName
from layoutplan.model.memory import PmpTraits, Reserve
from layoutplan.model.plan import Infeasible, Solved
from layoutplan.solve import solve
from tests.solve.brute import GRANULE, Tiny, best_waste
from tests.solve.systems import RAM, Want, system

BOTH, TOR, NAPOT = frozenset({"napot", "tor"}), frozenset({"tor"}), frozenset({"napot"})
UNITS = [
    (UnitName.ARMV7M, BOTH),
    (UnitName.ARMV6M, BOTH),
    (UnitName.ARMV8M, BOTH),
    (UnitName.PMP, BOTH),
    (UnitName.PMP, TOR),
    (UnitName.PMP, NAPOT),
]


@pytest.mark.parametrize(("unit", "modes"), UNITS, ids=[f"{unit}-{'+'.join(sorted(modes))}" for unit, modes in UNITS])
def test_feasibility_and_the_least_waste_are_those_of_brute_force(unit: UnitName, modes: frozenset[str]) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def law(data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 3))
        length = data.draw(st.integers(3, 9 if count == 3 else 16))
        size = st.integers(1, max(1, length * GRANULE // count + 40))
        texts = [data.draw(size) for _ in range(count)]
        bsses = [data.draw(size) for _ in range(count)]
        budgets = [data.draw(st.integers(2, 6)) for _ in range(count)]
        low = data.draw(st.none() | st.integers(0, length - 1))
        held = () if low is None else ((low, min(length, low + data.draw(st.integers(1, 3)))),)
        wants = [
            Want(name=name, text=text, bss=bss, slots=budget)
            for name, text, bss, budget in zip("abc", texts, bsses, budgets, strict=False)
        ]
        asked = system(
            wants,
            flash=length * GRANULE,
            ram=length * GRANULE,
            slots=16,
            unit=unit,
            pmp=PmpTraits(grain=GRANULE, modes=modes),
            reserves=[
                Reserve(memory="ram", range=AddressRange(RAM + low * GRANULE, RAM + high * GRANULE))
                for low, high in held
            ],
            weights={"flash": 1.0, "ram": 1.0},
        )
        # Code may not have a seam on PMP, so there only one region can grant it.
        flash = Tiny(0, length, (), tuple(texts), whole=unit is UnitName.PMP)
        start = RAM // GRANULE
        ram = Tiny(start, start + length, tuple((start + a, start + b) for a, b in held), tuple(bsses))
        expected = best_waste(unit, modes, (flash, ram), budgets)
        outcome = solve(asked)
        if expected is None:
            assert isinstance(outcome, Infeasible)
        else:
            assert isinstance(outcome, Solved)
            assert outcome.plan.objective.value == expected
            assert outcome.plan.objective.optimal

    law()
