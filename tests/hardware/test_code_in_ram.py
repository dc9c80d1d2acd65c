"""Code and constants in RAM: a restart leaves alone what the partition could not have changed."""

from __future__ import annotations

import pytest

from layoutplan.inputs.chips.catalogue import read_chip
from tests.hardware.build import image
from tests.hardware.machines import AN385, AN505, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import scene
from tests.hardware.steps import Kind, Operation, Response, Step
from tests.hardware.verdict import Attempt, violations


def in_ram(machine: Machine, *components: str) -> str:
    """The quartet with the code and constants of some of it in RAM, as a tightly coupled memory would be used."""
    ram = next(memory for memory in read_chip(machine.chip).memories if memory.name == "ram")
    text = quartet(machine)
    for name in components:
        text = text.replace(f"[component.{name}]", f'[component.{name}]\nmemory = {{ code = "ram", rodata = "ram" }}')
    return text + f'[memory.ram]\norigin = {ram.range.base:#x}\nlength = {ram.range.size:#x}\naccess = "rwx"\n'


@pytest.mark.parametrize("machine", [AN385, AN505], ids=lambda machine: str(machine.name))
def test_a_restart_with_code_in_ram_halts_nobody(machine: Machine) -> None:
    """While a partition's regions are loaded, what it may only read and execute the kernel may only read."""
    stage = scene(image(machine, in_ram(machine, "alpha", "carol"), QUARTET))
    attempts = []
    for task in (stage.tasks.index("alpha"), stage.tasks.index("carol")):
        report = Step(task=task, operation=Operation.REPORT, value=1, response=Response.RESTART)
        attempts.append(Attempt(name=f"restart {task}", step=report, denied=frozenset({Kind.REPORTED})))
        statics = Step(task=task, operation=Operation.OWN_STATICS)
        attempts.append(Attempt(name=f"statics {task}", step=statics, value=0x600D_DA7A ^ 0xC0DE_0002))
    attempts += [
        Attempt(name=f"go on {task}", step=Step(task=task, operation=Operation.SPIN, value=300))
        for task in stage.partition_of
    ]
    outcomes, run = stage.image.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
