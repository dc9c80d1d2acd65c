"""Good images hold; an image is hostile until it was read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image, reference_objects
from layoutplan.check.verify import image_case, verify_elf
from layoutplan.errors import BadInput
from layoutplan.model.access import UnitName
from tests.benchmarks.proof import MIB, large_image, verified


@pytest.mark.parametrize("unit", reference.UNITS)
@pytest.mark.parametrize("with_plan", [True, False])
def test_a_good_image_holds(unit: UnitName, with_plan: bool) -> None:
    image = parse_image(reference_image.image(unit).elf(), "good.elf")
    verdict = verify_elf(
        image, reference.system(unit), reference.plan(unit) if with_plan else None, reference_objects.objects(unit)
    )
    assert verdict.findings == ()
    assert verdict.holds


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_large_image_is_verified_within_a_second(unit: UnitName) -> None:
    """1 MiB of kernel code with its symbols. Processor time: the machine may be busy."""
    data, system = large_image(unit)
    assert len(data) > MIB
    verdict, seconds = verified(unit, data, system)
    assert {finding.rule for finding in verdict.findings} <= {"kernel-sections", "load-image", "vectors"}
    assert seconds < 1.0


GOOD = reference_image.image(UnitName.ARMV7M).elf()


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.integers(0, len(GOOD)))
def test_a_truncated_image_is_bad_input(length: int) -> None:
    if length < len(GOOD):
        with pytest.raises(BadInput):
            parse_image(GOOD[:length], "short.elf")


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.integers(0, 51), st.binary(min_size=1, max_size=4))
def test_a_damaged_header_is_read_or_refused(offset: int, junk: bytes) -> None:
    data = GOOD[:offset] + junk + GOOD[offset + len(junk) :]
    with contextlib.suppress(BadInput):
        parse_image(data, "damaged.elf")


@settings(deadline=None, derandomize=True, max_examples=250)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_image_is_judged_or_refused(damage: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for offset, byte in damage:
        data[offset] = byte
    with contextlib.suppress(BadInput):
        image = parse_image(bytes(data), "damaged.elf")
        image_case(image, reference.system(UnitName.ARMV7M), None, reference_objects.objects(UnitName.ARMV7M))
