"""Plans against an emulator that remembers rights for a page: none may need what it forgets. See test_emulator.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest

from layoutplan.model.access import UnitName
from tests.hardware import attacks
from tests.hardware.build import image
from tests.hardware.machines import AN385, ARMV6M_ON_AN385, Machine
from tests.hardware.manifests import QUARTET, quartet, target, with_more_slots, with_static
from tests.hardware.scene import Scene, scene
from tests.hardware.test_random import attempted
from tests.hardware.verdict import tried
from tests.oracles.armv7m_pages import let_through

MACHINES = pytest.mark.parametrize("machine", [AN385, ARMV6M_ON_AN385], ids=lambda machine: str(machine.name))

NEIGHBOURS = """
[component.alpha]
objects = ["${alpha}"]
entry = "alpha_main"
stack = 1245

[component.bravo]
objects = ["${bravo}"]
entry = "bravo_main"
stack = 1387
heap = 3893
trust = "untrusted"

[component.carol]
objects = ["${carol}"]
entry = "carol_main"
stack = 348
partition = "p1"

[partition.p1]
split = false
"""
"""Carol's code shares its page with other code. By one region that denies its surplus by subregions, it read that."""


def let_through_by(stage: Scene) -> list[tuple[str, str, str]]:
    """Partition, address and rights that the words do not give and the emulator does."""
    assert stage.image.plan.unit in (UnitName.ARMV6M, UnitName.ARMV7M)
    files = stage.image.plan.registers.items()
    return [
        (name, f"{at:#x} after {touched:#x}", more)
        for name, slots in files
        for at, touched, more in let_through([slot.words for slot in slots])
    ]


@MACHINES
def test_code_that_shares_a_page_with_another_partitions_does_not_reach_it(machine: Machine) -> None:
    manifest = f'manifest-version = 1\nisolation = "mpu"\n\n{target(machine)}{NEIGHBOURS}'
    stage = scene(image(machine, manifest, QUARTET[:3]))
    assert tried(stage, chain(attacks.everywhere(stage), attacks.edges(stage))) == {}
    assert let_through_by(stage) == []


@MACHINES
@pytest.mark.parametrize("manifest", [quartet, with_static, with_more_slots], ids=lambda make: str(make.__name__))
def test_no_region_lies_over_a_more_permissive_one_in_part_of_a_page(
    machine: Machine, manifest: Callable[[Machine], str]
) -> None:
    assert let_through_by(scene(image(machine, manifest(machine), QUARTET))) == []


@MACHINES
def test_no_plan_of_a_generated_manifest_does_either(machine: Machine) -> None:
    stages = [found for seed in range(6) if isinstance(found := attempted(machine, seed), Scene)]
    assert len(stages) >= 3
    assert [let_through_by(stage) for stage in stages] == [[]] * len(stages)
