"""What this emulator does not enforce, pinned: a newer one that does shows itself here."""

from __future__ import annotations

import pytest

from layoutplan.model.access import Access
from tests.hardware.build import image
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Kind, Operation, Step

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
