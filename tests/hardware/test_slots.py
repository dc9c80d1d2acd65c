"""A machine that does not have the slots that the plan was made for: the TCB does not start on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hardware.build import TCB, Image, image
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import scene
from tests.hardware.steps import HALT_KERNEL, HALT_REFUSED_SLOTS, Kind, Operation, Step

CHECK = "boot::check_slots(protection::slots::<F>(), F::ALL_SLOTS as u32)"
SLOTS = {"an385": (8, 16), "an505": (16, 8), "virt": (16, 32)}
"""What QEMU's machine has, and what the manifest says."""


def mistaken(machine: Machine, source: Path = TCB) -> Image:
    """The quartet, planned for more or fewer slots than there are."""
    _, planned = SLOTS[machine.name]
    manifest = quartet(machine)
    assert manifest.count("[target]\n") == 1
    manifest = manifest.replace("[target]\n", f"[target]\nslots = {planned}\n")
    return image(machine, manifest, QUARTET, source=source)


def started(made: Image) -> list[tuple[int, int, int]]:
    """Kind, address and value of what the firmware reports when every task is asked for one step."""
    steps = [Step(task=task, operation=Operation.SPIN, value=1) for task in scene(made).partition_of]
    return [(outcome.kind, outcome.address, outcome.value) for outcome in made.attack(steps)[0]]


@pytest.mark.parametrize("machine", [AN385, AN505, VIRT], ids=lambda machine: str(machine.name))
def test_another_number_of_slots_is_no_machine_to_start_on(machine: Machine) -> None:
    """The one report names both numbers, and no task has done its step."""
    found, planned = SLOTS[machine.name]
    assert started(mistaken(machine)) == [(HALT_REFUSED_SLOTS, found, planned)]


@pytest.mark.parametrize(
    ("machine", "kinds"), [(AN385, [HALT_KERNEL]), (AN505, [Kind.COMPLETED] * len(QUARTET))], ids=["an385", "an505"]
)
def test_a_tcb_that_does_not_look_is_killed(machine: Machine, kinds: list[int], tmp_path: Path) -> None:
    """With too many slots planned it fails only once it has armed the MPU; with too few every partition runs."""
    source = tmp_path / "switch_tcb"
    shutil.copytree(TCB, source, ignore=shutil.ignore_patterns("target"))
    file = source / "src" / "arch" / "mod.rs"
    text = file.read_text()
    assert text.count(CHECK) == 1, "the check is no longer this line"
    file.write_text(text.replace(CHECK, "{ let _ = boot::check_slots; Ok(()) }"))
    assert [kind for kind, _, _ in started(mistaken(machine, source))] == kinds
