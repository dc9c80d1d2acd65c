"""Good images hold; an image is hostile until it was read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check import reference, reference_image
from layoutplan.check.elf_image import parse_image
from layoutplan.check.verify import verify_elf
from layoutplan.errors import BadInput
from layoutplan.model.access import UnitName


@pytest.mark.parametrize("unit", reference.UNITS)
@pytest.mark.parametrize("with_plan", [True, False])
def test_a_good_image_holds(unit: UnitName, with_plan: bool) -> None:
    image = parse_image(reference_image.image(unit).elf(), "good.elf")
    verdict = verify_elf(
        image, reference.system(unit), reference.plan(unit) if with_plan else None, reference_image.objects()
    )
    assert verdict.findings == ()
    assert verdict.holds


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
