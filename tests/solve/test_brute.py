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
WORD = 4
"""The least grain of PMP, and the only one with NA4."""
NA4 = frozenset({"na4"})
UNITS = [
    (UnitName.ARMV7M, BOTH, GRANULE),
    (UnitName.ARMV6M, BOTH, GRANULE),
    (UnitName.ARMV8M, BOTH, GRANULE),
    (UnitName.PMP, BOTH, GRANULE),
    (UnitName.PMP, TOR, GRANULE),
    (UnitName.PMP, NAPOT, GRANULE),
    (UnitName.PMP, NAPOT, WORD),
    (UnitName.PMP, NAPOT | NA4, WORD),
    (UnitName.PMP, BOTH | NA4, WORD),
]
IDS = [f"{unit}-{'+'.join(sorted(modes))}-{grain}" for unit, modes, grain in UNITS]


@pytest.mark.parametrize(("unit", "modes", "grain"), UNITS, ids=IDS)
def test_feasibility_and_the_least_waste_are_those_of_brute_force(
    unit: UnitName, modes: frozenset[str], grain: int
) -> None:
    # A part known by its size alone has the largest natural alignment, 8 bytes.
    align = max(1, 8 // grain)

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def law(data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 3))
        length = data.draw(st.integers(3, 9 if count == 3 else 16))
        size = st.integers(1, max(1, length * grain // count + grain + grain // 4))
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
            flash=length * grain,
            ram=length * grain,
            slots=16,
            unit=unit,
            pmp=PmpTraits(grain=grain, modes=modes),
            reserves=[
                Reserve(memory="ram", range=AddressRange(RAM + low * grain, RAM + high * grain)) for low, high in held
            ],
            weights={"flash": 1.0, "ram": 1.0},
        )
        # Code may not have a seam on PMP, so there only one region can grant it.
        flash = Tiny(0, length, (), tuple(texts), unit is UnitName.PMP, grain, align)
        start = RAM // grain
        ram = Tiny(
            start,
            start + length,
            tuple((start + a, start + b) for a, b in held),
            tuple(bsses),
            grain=grain,
            align=align,
        )
        expected = best_waste(unit, modes, (flash, ram), budgets)
        outcome = solve(asked)
        if expected is None:
            assert isinstance(outcome, Infeasible)
        else:
            assert isinstance(outcome, Solved)
            assert outcome.plan.objective.value == expected
            assert outcome.plan.objective.optimal

    law()
