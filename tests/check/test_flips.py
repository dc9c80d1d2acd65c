"""No flipped bit of a register word goes unnoticed."""

from __future__ import annotations

from collections import Counter

import pytest

from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image
from layoutplan.check.sabotage.flips import FlipClass, classify_flips
from layoutplan.model.access import UnitName


@pytest.mark.parametrize("unit", reference.UNITS)
def test_every_flipped_bit_is_classed(unit: UnitName) -> None:
    image = parse_image(reference_image.image(unit).elf(), "good.elf")
    flips = classify_flips(image, reference.system(unit))
    words = 2 * (2 + 3 * reference.DYNAMIC) + (6 if unit is UnitName.PMP else 0)
    assert len(flips) == 32 * words
    assert [flip for flip in flips if flip.outcome is FlipClass.MISSED] == []
    counts = Counter(flip.outcome for flip in flips)
    assert counts[FlipClass.REFUTED] > counts[FlipClass.DONT_CARE]
    assert counts[FlipClass.MALFORMED]
    assert bool(counts[FlipClass.ATTRIBUTE]) == (unit is not UnitName.PMP)
