"""What an Armv7-M MPU permits, byte by byte, from its register words: written from the manual for these tests only.

Source: Armv7-M Architecture Reference Manual, B3.5 (MPU_RBAR, MPU_RASR; the highest-numbered match decides).
"""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.model.access import Access
from layoutplan.model.plan import Slot

UNPRIVILEGED = {0b000: Access.NONE, 0b001: Access.NONE, 0b010: Access.READ, 0b011: Access.RW, 0b110: Access.READ}
"""Access of unprivileged code by ``MPU_RASR.AP``."""


def matches(words: tuple[int, int], address: int) -> bool:
    """Whether the region matches the byte at ``address``."""
    rbar, rasr = words
    if not rasr & 1:
        return False
    bits = (rasr >> 1 & 0x1F) + 1
    assert bits >= 5, "a region below 32 bytes is unpredictable"
    if address >> bits != rbar >> bits:
        return False
    subregions = rasr >> 8 & 0xFF
    assert bits >= 8 or subregions == 0, "SRD below 256 bytes is unpredictable"
    return not subregions >> (address >> bits - 3 & 7) & 1


def permits(slots: Sequence[Slot], address: int) -> Access:
    """What unprivileged code may do with the byte at ``address``."""
    for slot in reversed(slots):
        if matches(slot.words, address):
            access = UNPRIVILEGED[slot.words[1] >> 24 & 7]
            executable = not slot.words[1] >> 28 & 1
            return access | Access.EXECUTE if access and executable else access
    return Access.NONE
