"""A table with one wrong field does not survive an attack, whichever field of whichever slot it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest

from layoutplan.model.plan import Slot, Words
from tests.hardware import attacks
from tests.hardware.build import image, with_words
from tests.hardware.machines import AN385
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_REFUSED_HASH
from tests.hardware.verdict import violations
from tests.oracles import armv7m

RASR_ENABLE, RASR_SIZE_STEP, RASR_SRD, RASR_XN = 1, 2, 0xFF00, 1 << 28
RASR_AP_READ_WRITE, RASR_AP_READ_ONLY, RASR_AP = 3 << 24, 6 << 24, 7 << 24

DEVICES = 0x4000_0000
"""Where the architecture's default map puts peripherals."""


@pytest.fixture(scope="module")
def stage() -> Scene:
    return scene(image(AN385, quartet(AN385), QUARTET))


def broken(words: Words) -> Iterator[tuple[str, Words]]:
    """One-field defects of an enabled pair."""
    rbar, rasr = words
    size = 2 << (rasr >> 1 & 0x1F)
    yield "not enabled", (rbar, rasr & ~RASR_ENABLE)
    yield "a size too large", (rbar, rasr + RASR_SIZE_STEP)
    yield "a base too high", (rbar + size, rasr)
    yield "a base too low", (rbar - size, rasr)
    if rasr & RASR_XN and rbar < DEVICES:
        # Not the other way round, which stops the partition itself, and no device: QEMU crawls when it runs from one.
        yield "executable too", (rbar, rasr ^ RASR_XN)
    other = RASR_AP_READ_ONLY if rasr & RASR_AP == RASR_AP_READ_WRITE else RASR_AP_READ_WRITE
    yield "writable the other way round", (rbar, rasr & ~RASR_AP | other)
    if size >= 256:
        for subregion in range(8):
            yield f"subregion {subregion} the other way round", (rbar, rasr ^ 0x100 << subregion)


def same_rights(before: Sequence[Words], after: Sequence[Words]) -> bool:
    """Whether both register files let unprivileged code do the same, everywhere; a malformed one never does."""
    try:
        places = {*armv7m.edges(before), *armv7m.edges(after)}
        return all(armv7m.allowed(before, place) == armv7m.allowed(after, place) for place in places)
    except AssertionError:
        return False


def variants(stage: Scene, partition: str) -> Iterator[tuple[str, int, Words, list[Words]]]:
    """Name, slot, stored pair and the whole register file of each broken table that means something else."""
    slots = stage.image.plan.registers[partition]
    good = [slot.words for slot in slots]
    for slot in slots:
        if slot.static or slot.reserved or not slot.words[1] & 1:
            continue
        for what, words in broken(slot.words):
            bad = [words if other.index == slot.index else other.words for other in slots]
            if not same_rights(good, bad):
                yield f"{partition}, slot {slot.index}: {what}", slot.index, words, bad


@pytest.mark.parametrize("partition", QUARTET)
def test_every_broken_table_is_killed(stage: Scene, partition: str, tmp_path: Path) -> None:
    plan = stage.image.plan
    survivors = []
    tried = 0
    for name, index, (rbar, rasr), _ in variants(stage, partition):
        row = stage.partitions.index(partition) * plan.slots.dynamic + index - plan.slots.first_dynamic
        stored = (rbar | 0x10 | index, rasr)
        elf = with_words(stage.image.elf, stage.image.symbols["LP_DYNAMIC"] + 8 * row, stored, tmp_path / "broken.elf")
        attempts = list(
            chain(attacks.edges(stage, partition, [Slot(index=index, words=(rbar, rasr))]), attacks.registers(stage))
        )
        outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
        tried += 1
        if not violations(stage, attempts, outcomes):
            survivors.append(name)
    assert survivors == []
    assert tried >= 20


def test_the_right_table_survives(stage: Scene, tmp_path: Path) -> None:
    slots = stage.image.plan.registers["alpha"]
    first = stage.image.plan.slots.first_dynamic
    rbar, rasr = slots[first].words
    where = stage.image.symbols["LP_DYNAMIC"]
    elf = with_words(stage.image.elf, where, (rbar | 0x10 | first, rasr), tmp_path / "same.elf")
    assert elf.read_bytes() == stage.image.elf.read_bytes()


@pytest.mark.parametrize("symbol", ["LP_HASH", "__lp_hash"])
def test_a_table_of_another_plan_does_not_start(stage: Scene, symbol: str, tmp_path: Path) -> None:
    elf = with_words(stage.image.elf, stage.image.symbols[symbol], (1, 2), tmp_path / "other.elf")
    outcomes, run = stage.image.attack([step.step for step in attacks.registers(stage)], elf=elf)
    assert [outcome.kind for outcome in outcomes] == [HALT_REFUSED_HASH]
    assert run.status == 4
