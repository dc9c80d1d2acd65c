"""What this emulator does not enforce, pinned: a newer one that does shows itself here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from layoutplan.model.access import Access
from layoutplan.model.plan import Slot, Words
from tests.hardware.build import image, patched
from tests.hardware.defects import patches
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Kind, Operation, Step
from tests.oracles import armv7m, armv7m_pages

PAGE = 1024
"""QEMU's translations cover so many bytes on Arm M-profile, and 4 KiB elsewhere."""


def ends(stage: Scene, *, on_page: bool) -> list[tuple[int, int]]:
    """Task and end of each granted run of bytes whose next byte is not the partition's."""
    found = []
    for task, owner in stage.partition_of.items():
        name = stage.partitions[owner]
        for _, piece, rights in stage.grants[name]:
            open_end = Access.READ in rights and not stage.held(name, piece.end) and stage.in_memory(piece.end)
            if open_end and stage.device(piece.base) is None and (piece.end % PAGE == 0) == on_page:
                found.append((task, piece.end))
    return found


def straddle(stage: Scene, places: list[tuple[int, int]]) -> set[int]:
    """What becomes of words that begin two bytes before the end."""
    steps = [Step(task=task, operation=Operation.READ32, address=end - 2) for task, end in places]
    outcomes, run = stage.image.attack(steps)
    assert run.status == 0
    return {outcome.kind for outcome in outcomes}


@pytest.mark.parametrize("machine", [AN385, AN505], ids=lambda machine: str(machine.name))
def test_an_unaligned_word_across_a_regions_end_passes_inside_a_page(machine: Machine) -> None:
    """Real Arm cores check both halves; QEMU 7.2 checks the first byte unless the word crosses its page."""
    stage = scene(image(machine, quartet(machine), QUARTET))
    inside = ends(stage, on_page=False)
    assert inside
    assert straddle(stage, inside) == {Kind.COMPLETED}
    across = ends(stage, on_page=True)
    assert not across or straddle(stage, across) == {Kind.DATA}


def test_a_word_across_a_pmp_entrys_end_faults() -> None:
    stage = scene(image(VIRT, quartet(VIRT), QUARTET))
    places = ends(stage, on_page=False)
    assert places
    assert straddle(stage, places) == {Kind.READ}


STACK_PAGE = 0x203F_FC00
"""The last page of the AN385's memory: the end of ``alpha.data``, then ``bravo.data`` with the stack."""

FOREIGN = 0x203F_FD7F
"""The last byte of ``alpha.data``."""

WHOLE_PAGE = (STACK_PAGE, 0x130B_0013)
"""1 KiB, read and write for both."""

BY_SUBREGIONS = {7: (STACK_PAGE, 0x110B_F813)}
"""Above that: none for partitions below 0x203F_FD80, by three subregions of 128 bytes; the other five are disabled."""

READABLE_BY_SUBREGIONS = {7: (STACK_PAGE, 0x160B_F813)}
"""The same with reading permitted, as a share that is only read."""

BY_WHOLE_REGIONS = {6: (STACK_PAGE, 0x110B_000F), 7: (STACK_PAGE + 0x100, 0x110B_000D)}
"""The same bytes as the first denies, in 256 and 128 bytes without disabled subregions."""


@pytest.mark.parametrize(
    ("above", "operation", "architecture", "passes"),
    [
        (BY_SUBREGIONS, Operation.READ8, "", True),
        (BY_SUBREGIONS, Operation.WRITE8, "", True),
        (READABLE_BY_SUBREGIONS, Operation.WRITE8, "r", True),
        (BY_WHOLE_REGIONS, Operation.READ8, "", False),
        (BY_WHOLE_REGIONS, Operation.WRITE8, "", False),
    ],
)
def test_enabled_subregions_deny_nothing_once_a_disabled_one_of_the_page_was_used(
    above: Mapping[int, Words], operation: Operation, architecture: str, passes: bool, tmp_path: Path
) -> None:
    """Words made by hand, which no plan has: the stack is in the disabled ones, and is used before the attempt."""
    stage = scene(image(AN385, quartet(AN385), QUARTET))
    slots = stage.image.plan.registers["bravo"]
    [data] = [slot for slot in slots if slot.owner == "bravo.data"]
    words = {**{slot.index: slot.words for slot in slots}, data.index: WHOLE_PAGE, **above}
    registers = [words[slot.index] for slot in slots]
    task = stage.tasks.index("bravo")
    assert stage.stacks[task].base == FOREIGN + 1
    assert not stage.held("bravo", FOREIGN)
    assert armv7m.allowed(registers, FOREIGN) == architecture
    assert armv7m.allowed(registers, FOREIGN + 1) == "rw"
    assert any(at <= FOREIGN < at + 32 for at, _, _ in armv7m_pages.let_through(registers)) == passes
    file = [Slot(index=slot.index, words=pair) for slot, pair in zip(slots, registers, strict=True)]
    elf = patched(stage.image.elf, patches(stage, "bravo", file), tmp_path / "by-hand.elf")
    step = Step(task=task, operation=operation, address=FOREIGN, value=0xA5, observe=FOREIGN)
    [outcome], run = stage.image.attack([step], elf=elf)
    assert run.status == 0
    assert outcome.kind == (Kind.COMPLETED if passes else Kind.DATA)
    assert (outcome.after == 0xA5) == (passes and operation is Operation.WRITE8)
