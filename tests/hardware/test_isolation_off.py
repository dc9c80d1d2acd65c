"""With isolation off the same accesses succeed, and nothing of the protection is left in the image."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from elftools.elf.elffile import ELFFile

from tests.hardware.build import Image, image
from tests.hardware.machines import AN385
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Operation, Step
from tests.hardware.verdict import Attempt, violations


@pytest.fixture(scope="module")
def unprotected() -> Image:
    return image(AN385, quartet(AN385, isolation="none"), QUARTET)


def trespasses(stage: Scene) -> Iterator[Attempt]:
    """Every task reads every block of the others, and changes bytes of their data."""
    for task, owner in stage.partition_of.items():
        name = stage.partitions[owner]
        for placement in stage.image.plan.placements:
            if name in placement.block.granted_to:
                continue
            for address in (placement.used.base, placement.used.last):
                step = Step(task=task, operation=Operation.READ8, address=address)
                yield Attempt(name=f"{name}/{placement.block.name}/{address:#x}/read", step=step)
        for other in QUARTET:
            if other != name:
                # Zeroed memory that its component does not use: nobody else writes there.
                address = stage.bss(stage.tasks.index(other))
                step = Step(task=task, operation=Operation.WRITE8, address=address, value=0x40 + task, observe=address)
                label = f"{name}/{other}.data/write"
                yield Attempt(name=label, step=step, changes=True, value=0x40 + task)


def test_every_trespass_succeeds(unprotected: Image) -> None:
    stage = scene(unprotected)
    attempts = list(trespasses(stage))
    assert len(attempts) >= len(QUARTET) * (len(QUARTET) - 1) * 3
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
    written = [outcome for attempt, outcome in zip(attempts, outcomes, strict=True) if attempt.changes]
    assert all(outcome.before != outcome.after for outcome in written)


def test_nothing_of_the_protection_is_in_the_image(unprotected: Image) -> None:
    """Every constant that the protection needs is gone: no store to the MPU, no table, no grant."""
    with unprotected.elf.open("rb") as file:
        elf = ELFFile(file)
        names = {section.name for section in elf.iter_sections()}
        text = elf.get_section_by_name(".text")
        assert text is not None
        kernel = text.data()
    assert ".lp.region_table" not in names
    assert not {"LP_DYNAMIC", "LP_STATIC", "LP_GRANTS"} & set(unprotected.symbols)
    for register in (0xE000ED94, 0xE000ED98, 0xE000ED9C):
        assert register.to_bytes(4, "little") not in kernel
