"""A device's interrupt reaches its component as an unprivileged wake, whoever was running."""

from __future__ import annotations

import pytest

from tests.hardware.build import image
from tests.hardware.machines import ATTACKED, VIRT, Machine
from tests.hardware.manifests import DEVICES, QUARTET, quartet
from tests.hardware.scene import scene
from tests.hardware.steps import Kind, Operation, Response, Step
from tests.hardware.verdict import Attempt, violations

CMSDK_TIMER = ((0x8, 200), (0x0, 0b1001))
"""RELOAD, then CTRL: enabled, with interrupt."""
CMSDK_CLEAR = (0xC, 1)
NS16550 = ((1, 2),)
"""IER: the transmitter is empty, so that it interrupts at once."""
NS16550_CLEAR = (1, 0)


@pytest.mark.parametrize("machine", ATTACKED, ids=lambda machine: str(machine.name))
def test_an_interrupt_is_an_unprivileged_wake(machine: Machine) -> None:
    stage = scene(image(machine, quartet(machine), QUARTET))
    bravo = stage.tasks.index("bravo")
    device = next(piece for name, piece, _ in stage.grants["bravo"] if name == DEVICES[machine.name].timer)
    program, clear = (NS16550, NS16550_CLEAR) if machine.chip == VIRT.chip else (CMSDK_TIMER, CMSDK_CLEAR)

    def write(offset: int, value: int) -> Attempt:
        operation = Operation.WRITE8 if machine.chip == VIRT.chip else Operation.WRITE32
        step = Step(task=bravo, operation=operation, address=device.base + offset, value=value)
        return Attempt(name=f"write {offset:#x}", step=step)

    def wait(name: str) -> Attempt:
        step = Step(task=bravo, operation=Operation.WAIT)
        return Attempt(name=name, step=step, value=DEVICES[machine.name].interrupt)

    stop = Step(task=bravo, operation=Operation.REPORT, value=1, response=Response.RESTART)
    attempts = [
        *(write(*store) for store in program),
        wait("the first wake"),
        write(*clear),
        *(write(*store) for store in program),
        # It fires while another partition runs, and waits for its own task.
        Attempt(name="another runs", step=Step(task=0, operation=Operation.SPIN, value=40000), least_turns=1),
        wait("a wake that came before it was waited for"),
        write(*clear),
        Attempt(name="restart", step=stop, denied=frozenset({Kind.REPORTED}), address=1),
        *(write(*store) for store in program),
        wait("a wake after a restart"),
    ]
    outcomes, run = stage.image.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
