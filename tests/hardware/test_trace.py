"""The model is tied to the machine: what is stored to the MPU on each switch is what the plan says, store by store."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from tests.hardware.build import image, patched
from tests.hardware.machines import AN385
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Operation, Step
from tests.hardware.tracing import Store, armv7m_boot, armv7m_switch, mpu_stores, switches


@pytest.fixture(scope="module")
def stage() -> Scene:
    return scene(image(AN385, quartet(AN385), QUARTET))


def alternate(first: int, second: int, tasks: int) -> Iterator[Step]:
    """All other tasks end, then the two take turns."""
    for task in range(tasks):
        if task not in (first, second):
            yield Step(task=task, operation=Operation.EXIT)
    for task in (first, second) * 3:
        yield Step(task=task, operation=Operation.SPIN, value=1)


def traced(stage: Scene, steps: list[Step], log: Path, elf: Path | None = None) -> list[list[Store]]:
    options = ("-trace", "nvic_sysreg_write", "-D", str(log))
    _, run = stage.image.attack(steps, elf=elf, options=options)
    assert run.status == 0, run.talk
    return switches(mpu_stores(log.read_text()))


@pytest.mark.parametrize(("first", "second"), list(permutations(range(4), 2)))
def test_each_switch_stores_what_was_planned(stage: Scene, first: int, second: int, tmp_path: Path) -> None:
    pieces = traced(stage, list(alternate(first, second, 4)), tmp_path / "trace")
    plan = stage.image.plan
    assert pieces[0] == list(armv7m_boot(plan))
    planned = {tuple(armv7m_switch(plan, name)): name for name in stage.partitions}
    assert len(planned) == len(stage.partitions)
    order = [planned[tuple(piece)] for piece in pieces[1:]]
    pairs = list(pairwise(order))
    assert (stage.partitions[first], stage.partitions[second]) in pairs
    # A partition that goes on running is not loaded again.
    assert all(before != after for before, after in pairs)


def test_the_goal_for_stores_is_met(stage: Scene) -> None:
    plan = stage.image.plan
    for name in stage.partitions:
        assert len(list(armv7m_switch(plan, name))) == 2 * plan.slots.dynamic + 2


def test_patched_words_are_what_is_stored(stage: Scene, tmp_path: Path) -> None:
    """The TCB reads the table when it runs: no word of it was folded into an instruction."""
    plan = stage.image.plan
    where = stage.image.symbols["LP_DYNAMIC"]
    slot = plan.registers["alpha"][plan.slots.first_dynamic]
    # The same region with another memory type: it works, and can be told apart.
    other = (slot.words[0] | 0x10 | slot.index, slot.words[1] ^ 0x0001_0000)
    elf = patched(stage.image.elf, {where: other}, tmp_path / "patched.elf")
    pieces = traced(stage, list(alternate(0, 1, 4)), tmp_path / "trace", elf)
    planned = list(armv7m_switch(plan, "alpha"))
    assert planned not in pieces
    planned[2] = (planned[2][0], other[1])
    assert planned in pieces
