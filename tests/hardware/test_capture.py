"""A component that brings the kernel's own names, vectors or constructors along has nothing of it run privileged."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.errors import BadInput
from tests.hardware import attacks
from tests.hardware.build import image, prober
from tests.hardware.machines import AN385, AN505, ARMV6M_ON_AN385, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Operation, Step
from tests.hardware.verdict import Attempt, tried


@pytest.mark.parametrize("captures", ["calls", "vectors", "startup"])
@pytest.mark.parametrize("machine", [ARMV6M_ON_AN385, AN385, AN505, VIRT], ids=lambda machine: str(machine.name))
def test_nothing_of_a_component_runs_privileged(machine: Machine, captures: str) -> None:
    refusals, stage = attempted(machine, captures)
    if stage is not None:
        mark = stage.image.symbols["__lp_kernel_stack_start"]
        marked = Attempt(name="mark", step=Step(task=0, operation=Operation.READ8, address=mark, observe=mark))
        outcomes, run = stage.image.attack([marked.step, *(attempt.step for attempt in attacks.registers(stage))])
        assert run.status == 0
        assert outcomes[0].before == 0
        assert tried(stage, attacks.everywhere(stage)) == {}
    # Constructors are refused; names are made local, and a section of vectors is one more of the component's own.
    assert bool(refusals) == (captures == "startup"), refusals


def attempted(machine: Machine, captures: str) -> tuple[list[str], Scene | None]:
    """Why the component is refused, or the image with it."""

    def make(machine: Machine, component: str) -> Path:
        return prober(machine, component, captures=captures if component == QUARTET[-1] else "")

    try:
        return [], scene(image(machine, quartet(machine), QUARTET, make=make))
    except BadInput as error:
        return [str(fault) for fault in error.faults], None
