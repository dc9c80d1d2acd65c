"""Overlays on the machine: what a region without access takes back is denied, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import UnitName
from layoutplan.model.plan import DISABLED, Placement, Slot, Words
from tests.hardware import attacks
from tests.hardware.build import image, patched
from tests.hardware.defects import patches
from tests.hardware.machines import VIRT
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.verdict import Attempt, tried, violations

CHIP = 'chip = "virt"\n'
MANIFEST = quartet(VIRT).replace(CHIP, CHIP + 'pmp = { modes = ["napot"] }\n')
"""A core without TOR, as the RP2350 has: QEMU has all modes, and the plan uses one."""


@pytest.fixture(scope="module")
def stage() -> Scene:
    return scene(image(VIRT, MANIFEST, QUARTET))


def overlaid(stage: Scene) -> list[tuple[str, Placement]]:
    """Every block whose surplus is denied, with each partition to which it is granted."""
    placements = [placement for placement in stage.image.plan.placements if placement.denied]
    return [(name, placement) for placement in placements for name in placement.block.granted_to]


def edges(stage: Scene, partition: str, placement: Placement) -> Iterator[Attempt]:
    """Reading, writing and running the first and the last byte of what is granted and of each piece that is denied."""
    task = next(task for task, number in stage.partition_of.items() if stage.partitions[number] == partition)
    yield from tries(stage, task, partition, f"{placement.block.name}-granted", placement.granted)
    for piece in placement.denied:
        yield from tries(stage, task, partition, denied(placement, piece), piece)


def tries(stage: Scene, task: int, partition: str, what: str, piece: AddressRange) -> Iterator[Attempt]:
    for where, address in (("first", piece.base), ("last", piece.last)):
        yield from attacks.at(stage, task, partition, f"{what}/{where}", address, address, execute=where == "first")


def denied(placement: Placement, piece: AddressRange) -> str:
    return f"{placement.block.name}-denied-{piece.base:#x}"


def denies(unit: UnitName, words: Words) -> bool:
    """A PMP entry with a mode and no right."""
    return unit is UnitName.PMP and bool(words[1] & 0x18 and not words[1] & 7)


def test_what_is_granted_works_to_its_first_and_last_byte_and_what_is_denied_does_not(stage: Scene) -> None:
    attempts = [each for name, placement in overlaid(stage) for each in edges(stage, name, placement)]
    assert sum(bool(attempt.denied) for attempt in attempts) >= 20
    assert any(not attempt.denied for attempt in attempts)
    assert tried(stage, attempts) == {}


def test_both_sides_of_every_edge_of_every_region_hold_whatever_was_touched_before(stage: Scene) -> None:
    """In address order, so that what is granted is touched before what is denied beside it: QEMU remembers pages."""
    assert tried(stage, chain(attacks.edges(stage), attacks.everywhere(stage), attacks.registers(stage))) == {}


def test_a_cleared_deny_entry_is_killed_by_the_attack_on_what_it_denied(stage: Scene, tmp_path: Path) -> None:
    """Each by itself, in every partition, with nothing else of the table changed."""
    cleared, unit = 0, stage.image.plan.unit
    for partition, placement in overlaid(stage):
        slots = stage.image.plan.registers[partition]
        own = [slot for slot in slots if slot.owner == placement.block.name and not slot.static]
        entries = [slot for slot in own if denies(unit, slot.words)]
        assert len(entries) == len(placement.denied)
        for entry, piece in zip(entries, placement.denied, strict=True):
            if stage.held(partition, piece.base) and stage.held(partition, piece.last):
                continue  # another block of its own, whose entries decide before this one
            broken = [slot if slot is not entry else Slot(index=slot.index, words=DISABLED) for slot in slots]
            elf = patched(stage.image.elf, patches(stage, partition, broken), tmp_path / "broken.elf")
            attempts = list(edges(stage, partition, placement))
            outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
            found = violations(stage, attempts, outcomes)
            named = {attempt.name for attempt in attempts if f"/{denied(placement, piece)}/" in attempt.name}
            forbidden = {attempt.name for attempt in attempts if attempt.name in named and attempt.denied}
            assert forbidden & found.keys(), (partition, placement.block.name, piece)
            cleared += 1
    assert cleared >= 4
