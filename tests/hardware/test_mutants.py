"""A suite that kills nothing proves nothing: each broken TCB dies by a named attack, or by what it stores.

What a broken table does is in ``test_broken_tables.py``: limits, sizes, subregions, bases and rights wrong by one step.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.hardware import attacks
from tests.hardware.build import TCB, image
from tests.hardware.machines import ATTACKED, MACHINES, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.mutants import EXCEPTIONS, MUTANTS, STORES, Mutant
from tests.hardware.scene import Scene, scene
from tests.hardware.test_trace import alternate, planned_stores, traced
from tests.hardware.verdict import NOT_REACHED, Attempt, violations

RECORDS = (STORES, EXCEPTIONS)


def every_attack(stage: Scene) -> Iterator[Attempt]:
    """One boot's worth of everything; what must work comes last, so that a stuck firmware shows too."""
    return chain(
        attacks.registers(stage),
        attacks.everywhere(stage),
        attacks.widths(stage),
        attacks.hostile_stacks(stage),
        attacks.hostile_calls(stage),
        attacks.privileged(stage),
        attacks.restarts(stage),
        attacks.floating_point(stage),
    )


def killers(stage: Scene, attempts: list[Attempt], elf: Path | None = None) -> dict[str, str]:
    outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
    return violations(stage, attempts, outcomes)


def broken(mutant: Mutant, folder: Path) -> Scene:
    """The image of the mutant."""
    source = folder / "switch_tcb"
    shutil.copytree(TCB, source, ignore=shutil.ignore_patterns("target"))
    file = source / "src" / mutant.file
    text = file.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.file} no longer holds this line once"
    file.write_text(text.replace(mutant.old, mutant.new))
    return scene(image(mutant.machine, mutant.manifest(mutant.machine), QUARTET, source=source))


def killed_by(*what: str) -> pytest.MarkDecorator:
    """The mutants that are killed by one of ``what``, or by an attack."""
    chosen = [mutant for mutant in MUTANTS if (mutant.killed_by if mutant.killed_by in RECORDS else "") in what]
    return pytest.mark.parametrize("mutant", chosen, ids=lambda mutant: str(mutant.name))


@killed_by("")
def test_a_broken_tcb_is_killed_by_a_named_attack(mutant: Mutant, tmp_path: Path) -> None:
    stage = broken(mutant, tmp_path)
    attempts = list(every_attack(stage))
    found = killers(stage, attempts)
    if found.get(mutant.killed_by) == NOT_REACHED:
        # An attack before it has won already, and brought the firmware down.
        found = killers(stage, [attempt for attempt in attempts if attempt.name == mutant.killed_by])
    assert found.get(mutant.killed_by, NOT_REACHED) != NOT_REACHED, dict(list(found.items())[:20])
    assert [name for name in found if mutant.alone not in name] == []


@killed_by(STORES)
def test_what_no_attack_shows_is_killed_by_what_is_stored(mutant: Mutant, tmp_path: Path) -> None:
    stage = broken(mutant, tmp_path)
    assert killers(stage, list(every_attack(stage))) == {}, "an attack shows it: name it"
    with pytest.raises(AssertionError, match="stored"):
        planned_stores(stage, traced(stage, list(alternate(1, 3)), tmp_path / "trace"))


@killed_by(EXCEPTIONS)
def test_what_no_attack_shows_is_killed_by_its_exceptions(mutant: Mutant, tmp_path: Path) -> None:
    """The call that is made in the next task's name is one that it has just made itself: a yield."""
    assert stale_calls(broken(mutant, tmp_path), tmp_path / "log") > 0


@pytest.mark.parametrize("machine", [m for m in MACHINES if m is not VIRT], ids=lambda machine: str(machine.name))
def test_no_call_is_made_in_another_tasks_name(machine: Machine, tmp_path: Path) -> None:
    assert stale_calls(scene(image(machine, quartet(machine), QUARTET)), tmp_path / "log") == 0


def stale_calls(stage: Scene, log: Path) -> int:
    """How often a call whose frame could not be stored was taken up after its fault, with another task's frame."""
    attempts = [attempt for attempt in attacks.hostile_stacks(stage) if attempt.name.endswith("/zero/call")]
    assert len(attempts) == len(stage.tasks)
    outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], options=("-d", "int", "-D", str(log)))
    assert violations(stage, attempts, outcomes) == {}
    to_a_task = r"magic PC fffffffd previous exception [3-6]\n"
    return len(re.findall(to_a_task + r"\.\.\.tailchaining to pending exception\n.* exception 11\n", log.read_text()))


@pytest.mark.parametrize("machine", ATTACKED, ids=lambda machine: str(machine.name))
def test_the_unbroken_tcb_survives(machine: Machine) -> None:
    stage = scene(image(machine, quartet(machine), QUARTET))
    assert killers(stage, list(every_attack(stage))) == {}
