"""A table with one wrong field does not survive an attack, whichever field of whichever slot it is."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

import pytest

from layoutplan.model.access import UnitName
from tests.hardware import attacks
from tests.hardware.build import TCB, image, patched
from tests.hardware.defects import broken, patches, rights
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_REFUSED_HASH
from tests.hardware.verdict import NOT_REACHED, violations


@pytest.fixture(scope="module", params=[AN385, AN505, VIRT], ids=lambda machine: str(machine.name))
def stage(request: pytest.FixtureRequest) -> Scene:
    machine: Machine = request.param
    return scene(image(machine, quartet(machine), QUARTET))


@pytest.mark.parametrize("partition", QUARTET)
def test_every_broken_table_is_killed_where_it_differs(stage: Scene, partition: str, tmp_path: Path) -> None:
    survivors = []
    tried = 0
    for name, slots, places in broken(stage, partition):
        elf = patched(stage.image.elf, patches(stage, partition, slots), tmp_path / "broken.elf")
        attempts = list(chain(attacks.edges(stage, partition, slots), attacks.registers(stage)))
        outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
        tried += 1
        found = violations(stage, attempts, outcomes)
        named = {f"{partition}/edge-{place:#x}" for place in places}
        # Where the partition cannot even run, its first attack tells; else one at an address whose rights are others.
        killers = {attack.rsplit("/", 1)[0] for attack, wrong in found.items() if wrong != NOT_REACHED}
        if not killers & named and attempts[0].name not in found:
            survivors.append(name)
    assert survivors == []
    assert tried >= 12


@pytest.mark.parametrize("partition", QUARTET)
def test_an_overflow_through_a_hole_below_the_stack_is_seen(stage: Scene, partition: str, tmp_path: Path) -> None:
    """Where the table lets a task write below its stack. Armv8-M has a limit register too, which stops it first."""
    unit = stage.image.plan.unit
    stack = stage.stacks[stage.tasks.index(partition)]
    way = (stack.base - 1, stack.base, stack.last)
    attempts = [attempt for attempt in attacks.hostile_stacks(stage) if f"{partition}/overflow/" in attempt.name]
    holes = 0
    for _, slots, _ in broken(stage, partition):
        if all("w" in rights(unit, [slot.words for slot in slots], address) for address in way):
            holes += 1
            elf = patched(stage.image.elf, patches(stage, partition, slots), tmp_path / "broken.elf")
            outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
            seen = [name for name, wrong in violations(stage, attempts, outcomes).items() if "the byte at" in wrong]
            expected = [] if unit is UnitName.ARMV8M else [f"{partition}/overflow/1"]
            assert seen[:1] == expected
    assert holes


def test_without_its_limit_register_a_stack_runs_through_the_hole(tmp_path: Path) -> None:
    """The mutant of PSPLIM (Armv8-M). With the right table the region's end stops the same attacks."""
    source = tmp_path / "switch_tcb"
    shutil.copytree(TCB, source, ignore=shutil.ignore_patterns("target"))
    file = source / "src" / "arch" / "cortex_m.rs"
    text = file.read_text()
    assert text.count('"msr psplim, r12"') == 1
    file.write_text(text.replace('"msr psplim, r12"', '"/* r12 */"'))
    stage = scene(image(AN505, quartet(AN505), QUARTET, source=source))
    stack = stage.stacks[stage.tasks.index("alpha")]
    attempts = [attempt for attempt in attacks.hostile_stacks(stage) if "alpha/overflow/" in attempt.name]
    outcomes, _ = stage.image.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    holes = 0
    for _, slots, _ in broken(stage, "alpha"):
        if all("w" in rights(UnitName.ARMV8M, [slot.words for slot in slots], stack.base - 1 + at) for at in (0, 1)):
            holes += 1
            elf = patched(stage.image.elf, patches(stage, "alpha", slots), tmp_path / "broken.elf")
            outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
            seen = [name for name, wrong in violations(stage, attempts, outcomes).items() if "the byte at" in wrong]
            assert seen[:1] == ["alpha/overflow/1"]
    assert holes


def test_the_right_table_survives(stage: Scene, tmp_path: Path) -> None:
    same = patches(stage, "alpha", stage.image.plan.registers["alpha"])
    assert patched(stage.image.elf, same, tmp_path / "same.elf").read_bytes() == stage.image.elf.read_bytes()


@pytest.mark.parametrize("symbol", ["LP_HASH", "__lp_hash"])
def test_a_table_of_another_plan_does_not_start(stage: Scene, symbol: str, tmp_path: Path) -> None:
    elf = patched(stage.image.elf, {stage.image.symbols[symbol]: (1, 2)}, tmp_path / "other.elf")
    outcomes, run = stage.image.attack([attempt.step for attempt in attacks.registers(stage)], elf=elf)
    assert [outcome.kind for outcome in outcomes] == [HALT_REFUSED_HASH]
    assert run.status == 4
