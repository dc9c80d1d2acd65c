"""The model is tied to the machine: what each switch stores is what the plan and the checker say, store by store."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from layoutplan.check import verify_image
from layoutplan.check.elf.image import read_image
from layoutplan.check.switch import program
from layoutplan.check.switch.table import read_table
from layoutplan.model.access import UnitName
from tests.hardware import tracing
from tests.hardware.build import image, patched
from tests.hardware.defects import patches
from tests.hardware.machines import AN385, AN505, ARMV6M_ON_AN385, VIRT, VIRT_SMEPMP, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Operation, Step
from tests.hardware.tracing import Store

PAIRS = list(permutations(range(len(QUARTET)), 2))


TRACED = (ARMV6M_ON_AN385, AN385, AN505, VIRT, VIRT_SMEPMP)


@pytest.fixture(scope="module", params=TRACED, ids=lambda machine: str(machine.name))
def stage(request: pytest.FixtureRequest) -> Scene:
    machine: Machine = request.param
    return scene(image(machine, quartet(machine), QUARTET))


def alternate(first: int, second: int) -> Iterator[Step]:
    """All other tasks end, then the two take turns."""
    for task in range(len(QUARTET)):
        if task not in (first, second):
            yield Step(task=task, operation=Operation.EXIT)
    for task in (first, second) * 3:
        yield Step(task=task, operation=Operation.SPIN, value=1)


def traced(stage: Scene, steps: list[Step], log: Path, elf: Path | None = None) -> list[Store]:
    """Every store to the protection unit, from reset on."""
    unit = stage.image.plan.unit
    events = (word for event in tracing.events(unit) for word in ("-trace", event))
    _, run = stage.image.attack(steps, elf=elf, options=(*events, "-D", str(log)))
    assert run.status == 0, run.talk
    return tracing.stores(unit, log.read_text())


def planned_stores(stage: Scene, found: list[Store]) -> list[str]:
    """The partitions that were switched to after boot; fails at the first store that boot or a switch does not make."""
    booted = tracing.boot(stage.image.plan)
    start = len(probing(stage))
    assert found[start : start + len(booted)] == booted, "boot stored something else"
    return switched(stage, found[start + len(booted) :])


def switched(stage: Scene, found: list[Store]) -> list[str]:
    """The partitions that were switched to, in order; fails at the first store that no switch makes."""
    plan = stage.image.plan
    planned = {name: tracing.switch(plan, name) for name in stage.partitions}
    order: list[str] = []
    position = 0
    while position < len(found):
        matching = [name for name, wanted in planned.items() if found[position : position + len(wanted)] == wanted]
        assert len(matching) == 1, f"after {order} this was stored: {found[position : position + 12]}"
        order += matching
        position += len(planned[matching[0]])
    return order


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_each_switch_stores_what_was_planned(stage: Scene, first: int, second: int, tmp_path: Path) -> None:
    order = planned_stores(stage, traced(stage, list(alternate(first, second)), tmp_path / "trace"))
    pairs = list(pairwise(order))
    assert (stage.partitions[first], stage.partitions[second]) in pairs
    # A partition that goes on running is not loaded again.
    assert all(before != after for before, after in pairs)


def probing(stage: Scene) -> list[Store]:
    """Before anything else the PMP is counted: every address register is tried, and shown to be left zero."""
    if stage.image.plan.unit is not UnitName.PMP:
        return []
    slots = range(stage.image.system.target.slots)  # the next one traps, which the trace does not show
    return [(tracing.PMPADDR0 + slot, value) for slot in slots for value in (0xFFFF_FFFF, 0, 0)]


def test_the_goal_for_stores_is_met(stage: Scene) -> None:
    plan = stage.image.plan
    for name in stage.partitions:
        assert len(tracing.switch(plan, name)) <= tracing.goal(plan)


def test_patched_words_are_what_is_stored(stage: Scene, tmp_path: Path) -> None:
    """The TCB reads the table when it runs: no word of it was folded into an instruction."""
    plan = stage.image.plan
    slots = list(plan.registers["alpha"])
    slots[plan.slots.first_dynamic : plan.slots.first_dynamic + plan.slots.dynamic] = plan.registers["bravo"][
        plan.slots.first_dynamic : plan.slots.first_dynamic + plan.slots.dynamic
    ]
    elf = patched(stage.image.elf, patches(stage, "alpha", slots), tmp_path / "patched.elf")
    # Alpha now gets bravo's regions, so it faults on its own stack before it can do anything.
    steps = [Step(task=stage.tasks.index("alpha"), operation=Operation.SPIN, value=1)] * 4
    unit = plan.unit
    events = (word for event in tracing.events(unit) for word in ("-trace", event))
    stage.image.attack(steps, elf=elf, options=(*events, "-D", str(tmp_path / "trace")))
    found = tracing.stores(unit, (tmp_path / "trace").read_text())
    start = len(probing(stage)) + len(tracing.boot(plan))
    first = tracing.switch(plan, "bravo")
    assert found[start : start + len(first)] == first
    assert tracing.switch(plan, "alpha") != first


def test_the_checker_executes_the_same_stores(stage: Scene) -> None:
    """What is proved about a switch is proved about the sequence that the emulator saw."""
    plan, system = stage.image.plan, stage.image.system
    table, findings = read_table(read_image(stage.image.elf), system)
    assert table is not None, findings
    for index, name in enumerate(stage.partitions):
        steps = program.switch_program(system, table, index)
        assert [(step.address, step.value) for step in steps if isinstance(step, program.Store)] == tracing.switch(
            plan, name
        )


def test_the_image_under_attack_is_the_one_that_is_proved(stage: Scene) -> None:
    verdict = verify_image(stage.image.elf, stage.image.system, stage.image.plan)
    assert verdict.holds, [(finding.rule, finding.message) for finding in verdict.findings] + list(verdict.unknown)
