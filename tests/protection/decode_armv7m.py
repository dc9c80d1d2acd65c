"""What a PMSAv7 register pair matches, read from the manual for the tests alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decoded:
    """The bytes matched as half-open pieces, and the fields that decide rights and type."""

    pieces: tuple[tuple[int, int], ...]
    unprivileged: str
    privileged: str
    tex_c_b: tuple[int, int, int]
    shareable: bool


RIGHTS = {  # DDI 0403, table B3-15: AP -> privileged, unprivileged
    0b000: ("", ""),
    0b001: ("rw", ""),
    0b010: ("rw", "r"),
    0b011: ("rw", "rw"),
    0b101: ("r", ""),
    0b110: ("r", "r"),
    0b111: ("r", "r"),
}


def decode(rbar: int, rasr: int, smallest: int) -> Decoded | None:
    """The meaning of a pair as it reads; ``None`` when disabled; ``ValueError`` for anything reserved."""
    if not 0 <= rbar < 1 << 32 or not 0 <= rasr < 1 << 32:
        raise ValueError("not 32 bits")
    if not rasr & 1:
        return None
    if rasr & 0b1110_1000_1100_0000_0000_0000_1100_0000:
        raise ValueError("reserved bit set")
    size = 2 ** ((rasr >> 1 & 31) + 1)
    if size < smallest:
        raise ValueError("region too small")
    if rbar & 31:
        raise ValueError("VALID or REGION set")
    if rbar % size:
        raise ValueError("misaligned base")
    srd = rasr >> 8 & 0xFF
    if srd and size < 256:
        raise ValueError("subregions below 256 B")
    if srd == 0xFF:
        raise ValueError("nothing left")
    eighth = size // 8
    pieces: list[tuple[int, int]] = []
    if srd == 0:
        pieces.append((rbar, rbar + size))
    else:
        for index in range(8):
            if not srd >> index & 1:
                low = rbar + index * eighth
                if pieces and pieces[-1][1] == low:
                    pieces[-1] = (pieces[-1][0], low + eighth)
                else:
                    pieces.append((low, low + eighth))
    privileged, unprivileged = RIGHTS[rasr >> 24 & 7]
    if not rasr >> 28 & 1:
        privileged += "x" if "r" in privileged else ""
        unprivileged += "x" if "r" in unprivileged else ""
    return Decoded(
        pieces=tuple(pieces),
        unprivileged=unprivileged,
        privileged=privileged,
        tex_c_b=(rasr >> 19 & 7, rasr >> 17 & 1, rasr >> 16 & 1),
        shareable=bool(rasr >> 18 & 1),
    )
