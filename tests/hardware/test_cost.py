"""The cost of a switch, and that it is counted the same every time."""

from __future__ import annotations

import pytest

from tests.hardware import tracing
from tests.hardware.build import image
from tests.hardware.cost import PAIR, instructions, pair
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.toolchain import ROOT


@pytest.mark.parametrize("machine", [AN385, AN505, VIRT], ids=lambda machine: str(machine.name))
def test_a_switch_costs_what_its_stores_cost(machine: Machine) -> None:
    small, large = (image(machine, pair(machine, shares), PAIR) for shares in (0, 3))
    assert instructions(small) == instructions(small)
    assert small.plan.slots.dynamic < large.plan.slots.dynamic
    for built in (small, large):
        assert len(tracing.switch(built.plan, "alpha")) <= tracing.goal(built.plan)
    # Every slot more takes a few instructions; none takes a search or a loop over all of them.
    more = large.plan.slots.dynamic - small.plan.slots.dynamic
    assert 0 < (instructions(large) - instructions(small)) / len(PAIR) / more < 20


def test_the_readme_names_every_machine_of_the_table() -> None:
    readme = (ROOT / "samples" / "switch_tcb" / "README.md").read_text()
    for machine in (AN385, AN505, VIRT):
        assert f"| {machine.name} | " in readme
    assert "python -m tests.hardware.cost" in readme
