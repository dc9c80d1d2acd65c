"""The cost of a switch, and that it is counted the same every time."""

from __future__ import annotations

import re

import pytest

from tests.hardware import tracing
from tests.hardware.cost import KNOWN, MOST, built, instructions, stretch
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.toolchain import ROOT

READMES = (ROOT / "samples" / "switch_tcb" / "README.md", ROOT / "README.md")


@pytest.mark.parametrize("machine", [AN385, AN505, VIRT], ids=lambda machine: str(machine.name))
def test_a_switch_costs_what_its_stores_cost(machine: Machine) -> None:
    small, large = (built(machine, shares, code="shared") for shares in (0, 3))
    assert len({instructions(small) for _ in range(3)}) == 1
    assert (small.plan.slots.dynamic, large.plan.slots.dynamic) == (1, 4)
    for found in (small, large):
        assert len(tracing.switch(found.plan, "alpha")) == tracing.goal(found.plan)
    # A slot more takes a few instructions between the first store and the last; never a search.
    more = large.plan.slots.dynamic - small.plan.slots.dynamic
    assert 0 < (stretch(large) - stretch(small)) / more <= 4


def test_the_readme_has_every_machine_with_one_to_eight_slots() -> None:
    """The stores are the goals; instructions depend on the compiler, and are what the command printed."""
    text = READMES[0].read_text()
    found = re.findall(r"^\| (an385|an505|virt) \| (\d) \| (\d+) \| ([\d, to]+) \| \d+ \| \d+ \|$", text, re.MULTILINE)
    for machine, slots, stores, known in found:
        count = int(slots)
        goal = {
            "an385": 2 * count + 2,
            "an505": 2 * count + 2 + -(-count // 4),
            "virt": count + -(-count // 4),
        }
        assert (int(stores), known) == (goal[machine], KNOWN[machine])
    for machine in KNOWN:
        assert [int(slots) for name, slots, *_ in found if name == machine] == list(range(1, MOST + 1))
    assert all("python -m tests.hardware.cost" in readme.read_text() for readme in READMES)
