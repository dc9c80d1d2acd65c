"""What an Armv8-M MPU lets unprivileged code do, one address at a time. Written for the tests; shares no code.

Source: Armv8-M Architecture Reference Manual, MPU_RBAR and MPU_RLAR register descriptions, PMSAv8 access checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Pair = tuple[int, int]

UNPRIVILEGED = {0b00: "", 0b01: "rw", 0b10: "", 0b11: "r"}
"""RBAR.AP to what unprivileged loads and stores may do."""


def bounds(pair: Pair) -> tuple[int, int] | None:
    """The first and the last byte of an enabled region."""
    rbar, rlar = pair
    if not rlar & 1:
        return None
    base, last = rbar & 0xFFFF_FFE0, rlar | 0x1F
    assert base <= last, "a region that ends before it begins"
    assert (rbar >> 3) & 3 != 0b01, "reserved SH"
    assert not rlar & 0x10, "PXN is reserved before Armv8.1-M"
    return base, last


def allowed(registers: Sequence[Pair], address: int) -> str:
    """Rights of unprivileged code at one address: letters of ``rwx``. Where regions overlap every access faults."""
    hits = []
    for pair in registers:
        region = bounds(pair)
        if region is not None and region[0] <= address <= region[1]:
            hits.append(pair[0])
    if len(hits) != 1:
        return ""
    rights = UNPRIVILEGED[(hits[0] >> 1) & 3]
    if "r" in rights and not hits[0] & 1:
        rights += "x"
    return rights


def edges(registers: Sequence[Pair]) -> Iterator[int]:
    """Every address at which the answer can change, and the bytes beside it."""
    for pair in registers:
        region = bounds(pair)
        if region is not None:
            base, last = region
            yield from (a for a in (base - 1, base, last, last + 1) if 0 <= a < 1 << 32)
