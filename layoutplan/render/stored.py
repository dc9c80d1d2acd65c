"""Register words as the switch code stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layoutplan.model.access import UnitName
from layoutplan.model.plan import Slot, Words

_RBAR_VALID = 1 << 4
"""MPU_RBAR.VALID: the store selects the region named in REGION, so that no store to MPU_RNR is needed."""


def stored_words(unit: UnitName, slot: Slot) -> Words:
    """The pair that the switch writes. On Armv6-M and Armv7-M, MPU_RBAR carries VALID and REGION."""
    first, second = slot.words
    if unit in (UnitName.ARMV6M, UnitName.ARMV7M):
        return first | _RBAR_VALID | slot.index, second
    return first, second


def _rasr_type(words: Words) -> int:
    """TEX, S, C and B: bits 21 to 16 of MPU_RASR."""
    return words[1] >> 16 & 0x3F


TYPE_FIELDS: Mapping[UnitName, Callable[[Words], int]] = {
    UnitName.ARMV6M: _rasr_type,
    UnitName.ARMV7M: _rasr_type,
}
"""The memory attributes inside a pair, for units whose pairs have any."""
