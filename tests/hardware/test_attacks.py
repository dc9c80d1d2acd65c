"""The kill criterion: no component reads or writes another partition's memory after a switch, whatever it tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import pytest

from tests.hardware import attacks
from tests.hardware.build import Image, image
from tests.hardware.machines import ATTACKED, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_ESCALATED, Kind, Operation, Response, Step
from tests.hardware.verdict import Attempt, tried, violations

HALTED = 4
NEVER_RAN = 5
"""The firmware's exit status when it stood still, and when a step's task does not ask for it any more."""


@pytest.fixture(scope="module", params=ATTACKED, ids=lambda machine: str(machine.name))
def attacked(request: pytest.FixtureRequest) -> Image:
    machine: Machine = request.param
    return image(machine, quartet(machine), QUARTET)


@pytest.fixture(scope="module")
def stage(attacked: Image) -> Scene:
    return scene(attacked)


def availability(stage: Scene) -> Iterator[Attempt]:
    """What every partition was granted, first and last byte."""
    for attempt in attacks.everywhere(stage):
        if not attempt.denied:
            yield attempt


@pytest.mark.parametrize(
    "attack",
    [
        attacks.everywhere,
        attacks.widths,
        attacks.hostile_stacks,
        attacks.hostile_calls,
        attacks.registers,
        attacks.privileged,
        attacks.edges,
        attacks.restarts,
    ],
    ids=lambda attack: str(attack.__name__),
)
def test_no_attack_succeeds_and_everybody_keeps_what_is_his(
    stage: Scene, attack: Callable[[Scene], Iterator[Attempt]]
) -> None:
    assert tried(stage, chain(attack(stage), availability(stage), attacks.registers(stage))) == {}


@pytest.mark.parametrize("context", ["several", "preempted", "restart", "faulted"])
def test_no_attack_succeeds_after(stage: Scene, context: str) -> None:
    suites = [attacks.everywhere, attacks.hostile_stacks, attacks.hostile_calls]
    if context in ("several", "faulted"):
        # Other instructions by the same regions: after a preemption or a report they would only cost time again.
        suites += [attacks.widths, attacks.edges, attacks.privileged, attacks.registers]
    once = chain.from_iterable(suite(stage) for suite in suites)
    assert tried(stage, attacks.in_context(stage, once, context)) == {}


def test_every_partition_has_attacks_of_every_sort(stage: Scene) -> None:
    names = [attempt.name for attempt in attacks.everywhere(stage)]
    for partition in stage.partitions:
        for other in stage.partitions:
            for what in {name for name, _, _ in stage.grants[other]} - {name for name, _, _ in stage.grants[partition]}:
                for where in ("first", "inside", "last"):
                    assert f"{partition}/{what}/{where}/read" in names
                    assert f"{partition}/{what}/{where}/write" in names
        for what, piece, _ in stage.grants[partition]:
            if stage.device(piece.base):
                continue
            assert f"{partition}/{what}/last/may-read" in names


def test_a_stopped_partition_stays_stopped_and_the_others_run(stage: Scene) -> None:
    task = stage.tasks.index("carol")
    victim = stage.image.symbols["__lp_alpha_data_start"]
    stopped = Attempt(
        name="stop",
        step=Step(task=task, operation=Operation.WRITE8, address=victim, response=Response.STOP, observe=victim),
        denied=attacks.DATA_KINDS,
        address=victim,
    )
    others = [attempt for attempt in availability(stage) if attempt.step.task != task]
    again = Step(task=task, operation=Operation.SPIN, value=1)
    attempts = [stopped, *others]
    outcomes, run = stage.image.attack([*(attempt.step for attempt in attempts), again])
    assert violations(stage, attempts, outcomes) == {}
    assert (len(outcomes), run.status) == (len(attempts), NEVER_RAN)


def test_an_escalated_fault_halts_the_firmware(stage: Scene) -> None:
    step = Step(task=0, operation=Operation.REPORT, value=9, response=Response.ESCALATE)
    outcomes, run = stage.image.attack([step, *[Step(task=1, operation=Operation.SPIN, value=1)] * 2])
    assert [outcome.kind for outcome in outcomes] == [Kind.REPORTED, HALT_ESCALATED]
    assert run.status == HALTED
