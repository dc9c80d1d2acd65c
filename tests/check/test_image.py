"""Good images hold; an image is hostile until it was read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image, reference_objects
from layoutplan.check.sabotage.broken_images import IMAGES
from layoutplan.check.sabotage.writer import Image
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
    assert verdict.holds, verdict.findings
    assert seconds < 1.0


def broken(unit: UnitName, name: str) -> Image:
    image = reference_image.image(unit)
    next(sabotage for sabotage in IMAGES if sabotage.name == name).breaks(image)
    return image


def rules(unit: UnitName, image: Image) -> set[str]:
    verdict = verify_elf(
        parse_image(image.elf(), "broken.elf"), reference.system(unit), None, reference_objects.objects(unit)
    )
    return {finding.rule for finding in verdict.findings}


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_mark_of_another_section_makes_no_data_of_the_kernels_code(unit: UnitName) -> None:
    """Local symbols of a sealed object reach the image, and one may be an absolute ``$d`` in the kernel's code."""
    image = broken(unit, "a call that a component captured")
    call = image.piece(".text").address + 128
    image.symbols |= {"$d": (call, 0), "$x": (call + 4, 0)}
    assert rules(unit, image) == {"kernel-references"}


@pytest.mark.parametrize("unit", reference.UNITS)
def test_a_components_function_without_a_type_is_one(unit: UnitName) -> None:
    image = broken(unit, "a component's function in a table")
    image.functions.clear()  # which makes objects of them
    assert rules(unit, image) == {"kernel-references"}


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
