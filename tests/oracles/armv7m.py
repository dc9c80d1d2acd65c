"""What an Armv7-M MPU lets unprivileged code do, one address at a time. Written for the tests; shares no code.

Source: Armv7-M Architecture Reference Manual, MPU_RBAR and MPU_RASR register descriptions, PMSAv7 access checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Pair = tuple[int, int]

UNPRIVILEGED = {0b000: "", 0b001: "", 0b010: "r", 0b011: "rw", 0b101: "", 0b110: "r", 0b111: "r"}
"""RASR.AP to what unprivileged loads and stores may do. 0b100 is UNPREDICTABLE and absent on purpose."""


def matches(pair: Pair, address: int) -> bool:
    rbar, rasr = pair
    if not rasr & 1:
        return False
    size = 2 << ((rasr >> 1) & 0x1F)
    base = rbar & 0xFFFF_FFE0
    assert size >= 32, "reserved SIZE"
    assert base % size == 0, "base not a multiple of the region's size"
    disabled = (rasr >> 8) & 0xFF
    assert size >= 256 or disabled == 0, "SRD below 256 bytes is UNPREDICTABLE"
    if not base <= address < base + size:
        return False
    return not disabled >> ((address - base) * 8 // size) & 1


def allowed(registers: Sequence[Pair], address: int) -> str:
    """Rights of unprivileged code at one address: letters of ``rwx``. The background map is privileged only."""
    for pair in reversed(registers):
        if matches(pair, address):
            _, rasr = pair
            rights = UNPRIVILEGED[(rasr >> 24) & 7]
            if "r" in rights and not (rasr >> 28) & 1:
                rights += "x"
            return rights
    return ""


def edges(registers: Sequence[Pair]) -> Iterator[int]:
    """Every address at which the answer can change, and the bytes beside it."""
    for rbar, rasr in registers:
        if rasr & 1:
            size = 2 << ((rasr >> 1) & 0x1F)
            base = rbar & 0xFFFF_FFE0
            for eighth in range(9):
                at = base + eighth * size // 8
                yield from (a for a in (at - 1, at) if 0 <= a < 1 << 32)
