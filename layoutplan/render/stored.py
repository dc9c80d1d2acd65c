"""Register words as the switch code stores them."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.model.access import UnitName
from layoutplan.model.plan import Plan, Slot, Words

_RBAR_VALID = 1 << 4
"""MPU_RBAR.VALID: the store selects the region named in REGION, so that no store to MPU_RNR is needed."""

ENTRIES_PER_CFG = 4
"""PMP entries whose configuration bytes share one pmpcfg register on RV32."""


def stored_words(unit: UnitName, slot: Slot) -> Words:
    """The pair that the switch writes. On Armv6-M and Armv7-M, MPU_RBAR carries VALID and REGION."""
    first, second = slot.words
    if unit in (UnitName.ARMV6M, UnitName.ARMV7M):
        return first | _RBAR_VALID | slot.index, second
    return first, second


def type_field(unit: UnitName, words: Words) -> int:
    """The memory attributes inside a pair.

    TEX, S, C and B (MPU_RASR bits 21 to 16) before Armv8-M; there, SH (MPU_RBAR bits 4 and 3) above AttrIndx (MPU_RLAR
    bits 3 to 1). PMP entries have none.
    """
    first, second = words
    match unit:
        case UnitName.ARMV6M | UnitName.ARMV7M:
            return second >> 16 & 0x3F
        case UnitName.ARMV8M:
            return (first >> 3 & 3) << 3 | second >> 1 & 7
    return 0


def is_closed(unit: UnitName, words: Words) -> bool:
    """Whether a pair matches something and gives unprivileged code no right to it.

    ``MPU_RASR.AP`` 0b001 in an enabled region; a PMP entry with a mode in A and none of R, W and X.
    """
    if unit is UnitName.PMP:
        return bool(words[1] & 0x18) and not words[1] & 7
    return unit in (UnitName.ARMV6M, UnitName.ARMV7M) and bool(words[1] & 1) and words[1] >> 24 & 7 == 1


def config_words(plan: Plan, partition: str) -> tuple[int, ...]:
    """The whole pmpcfg registers that hold a dynamic entry, with the bytes of static neighbours as they are."""
    if plan.slots.dynamic == 0:
        return ()
    first = plan.slots.first_dynamic // ENTRIES_PER_CFG
    last = (plan.slots.first_dynamic + plan.slots.dynamic - 1) // ENTRIES_PER_CFG
    return tuple(_config_word(plan.registers[partition], number) for number in range(first, last + 1))


def _config_word(slots: Sequence[Slot], number: int) -> int:
    own = slots[ENTRIES_PER_CFG * number : ENTRIES_PER_CFG * (number + 1)]
    return sum(slot.words[1] << 8 * position for position, slot in enumerate(own))
