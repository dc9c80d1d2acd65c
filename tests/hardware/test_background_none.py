"""PRIVDEFENA clear: the kernel runs on its two static regions alone, and partitions are kept apart as before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from layoutplan.check import verify_image
from tests.hardware import attacks, tracing
from tests.hardware.build import image, patched
from tests.hardware.machines import AN385, AN386, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_KERNEL, Operation, Step
from tests.hardware.test_attacks import availability
from tests.hardware.test_trace import alternate, switched, traced
from tests.hardware.verdict import Attempt, tried


@functools.cache
def without_background(machine: Machine) -> Scene:
    manifest = quartet(machine).replace("[kernel]\n", '[kernel]\nbackground = "none"\n')
    assert 'background = "none"' in manifest
    return scene(image(machine, manifest, QUARTET))


@pytest.fixture(scope="module", params=[AN385, AN386], ids=lambda machine: str(machine.name))
def stage(request: pytest.FixtureRequest) -> Scene:
    return without_background(request.param)


def test_the_kernel_has_two_regions_and_no_map(stage: Scene, tmp_path: Path) -> None:
    plan = stage.image.plan
    assert [region.owner for region in plan.background] == ["kernel code", "kernel data"]
    found = traced(stage, list(alternate(0, 1)), tmp_path / "trace")
    assert {value for register, value in found if register == tracing.CTRL} == {0, 1}
    booted = tracing.boot(plan)
    assert found[: len(booted)] == booted
    assert {"alpha", "bravo"} <= set(switched(stage, found[len(booted) :]))


@pytest.mark.parametrize(
    "attack",
    [attacks.everywhere, attacks.hostile_stacks, attacks.hostile_calls, attacks.registers, attacks.restarts],
    ids=lambda attack: str(attack.__name__),
)
def test_no_attack_succeeds_and_everybody_keeps_what_is_his(
    stage: Scene, attack: Callable[[Scene], Iterator[Attempt]]
) -> None:
    assert tried(stage, chain(attack(stage), availability(stage))) == {}


def test_the_linked_image_is_proved(stage: Scene) -> None:
    verdict = verify_image(stage.image.elf, stage.image.system, stage.image.plan)
    assert verdict.holds, [(finding.rule, finding.message) for finding in verdict.findings] + list(verdict.unknown)


@pytest.mark.parametrize("slot", [0, 1], ids=["code", "data"])
def test_without_one_of_the_two_the_kernel_stands_still(stage: Scene, slot: int, tmp_path: Path) -> None:
    """With the background map on, these words would not be missed."""
    where = stage.image.symbols["LP_STATIC"] + 8 * slot
    elf = patched(stage.image.elf, {where: (0x10 | slot, 0)}, tmp_path / "patched.elf")
    outcomes, _ = stage.image.attack([Step(task=0, operation=Operation.SPIN, value=1)], elf=elf)
    assert [outcome.kind for outcome in outcomes] == [HALT_KERNEL]
    verdict = verify_image(elf, stage.image.system)
    assert {finding.rule for finding in verdict.findings} == {"kernel-access"}
