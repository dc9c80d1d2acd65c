"""What a PMSAv8 register pair matches, read from the manual for the tests alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decoded:
    """The half-open bytes matched, unprivileged and privileged rights, shareability, attribute index."""

    range: tuple[int, int]
    unprivileged: str
    privileged: str
    sharing: int
    index: int


def decode(rbar: int, rlar: int) -> Decoded | None:
    """The meaning of a pair; ``None`` when disabled; ``ValueError`` for anything reserved."""
    if not 0 <= rbar < 1 << 32 or not 0 <= rlar < 1 << 32:
        raise ValueError("not 32 bits")
    if not rlar & 1:
        return None
    if rlar & 0x10:
        raise ValueError("PXN, reserved before Armv8.1-M")
    base, limit = rbar & ~31, rlar | 31
    if limit < base:
        raise ValueError("empty")
    sharing = rbar >> 3 & 3
    if sharing == 1:
        raise ValueError("reserved shareability")
    privileged, unprivileged = {0: ("rw", ""), 1: ("rw", "rw"), 2: ("r", ""), 3: ("r", "r")}[rbar >> 1 & 3]
    if not rbar & 1:
        privileged += "x"
        unprivileged += "x" if unprivileged else ""
    return Decoded((base, limit + 1), unprivileged, privileged, sharing, rlar >> 1 & 7)
