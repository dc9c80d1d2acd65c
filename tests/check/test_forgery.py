"""Honest images that look like forgeries hold."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image, reference_objects, writer
from layoutplan.check.sabotage.forgery import asks_for_kernel_mixer, call_mixer_kernel
from layoutplan.check.verify import verify_elf
from layoutplan.model.access import UnitName


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_partition_may_be_called_like_the_kernel(unit: UnitName) -> None:
    image = reference_image.image(unit)
    call_mixer_kernel(image)
    system = asks_for_kernel_mixer(reference.system(unit))
    verdict = verify_elf(parse_image(image.elf(), "namesake.elf"), system, None, reference_objects.objects(unit))
    assert verdict.findings == ()
    assert verdict.holds


@pytest.mark.parametrize("unit", reference.UNITS)
def test_without_isolation_the_entries_lie_among_the_kernels_constants(unit: UnitName) -> None:
    # Without isolation no region rounds a block up, and start-up zeroes to its last byte.
    planned = reference.plan(unit)
    placements = tuple(replace(p, granted=p.used, cover=(p.used,)) for p in planned.placements)
    image = reference_image.image(unit, replace(planned, placements=placements))
    functions = [value for name, (value, _) in image.symbols.items() if name in image.functions]
    image.pieces.append(writer.Piece(".rodata", 0x700, data=struct.pack(f"<{len(functions)}I", *functions)))
    system = replace(reference.system(unit), isolation=frozenset())
    verdict = verify_elf(parse_image(image.elf(), "off.elf"), system, None, reference_objects.objects(unit))
    assert verdict.findings == ()
    assert verdict.holds
