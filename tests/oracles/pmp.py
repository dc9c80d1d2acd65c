"""What a RV32 core's PMP lets U-mode do, one access at a time. Written for the tests; shares no code.

Source: The RISC-V Instruction Set Manual, Volume II, "Physical Memory Protection": address matching, priority and
matching logic. ``grain`` is the core's, in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Pair = tuple[int, int]
OFF, TOR, NA4 = 0, 1, 2


def bounds(registers: Sequence[Pair], index: int, grain: int) -> tuple[int, int]:
    """The first byte that entry ``index`` matches and the one after its last; equal when it matches nothing."""
    address, config = registers[index]
    assert not config & 0x60, "reserved bits"
    assert not config & 0x80, "a partition's entry is locked"
    mode = (config >> 3) & 3
    if mode == OFF:
        return 0, 0
    if mode == TOR:
        # The core takes the bits below its grain as zero, in both bounds.
        low = registers[index - 1][0] * 4 // grain * grain if index else 0
        return low, max(low, address * 4 // grain * grain)
    if mode == NA4:
        assert grain == 4, "NA4 with a larger grain"
        return address * 4, address * 4 + 4
    ones = 0
    while address >> ones & 1:
        ones += 1
    size = 8 << ones
    assert size >= grain, "NAPOT below the grain"
    return address * 4 // size * size, address * 4 // size * size + size


def allowed(registers: Sequence[Pair], address: int, width: int = 1, *, grain: int = 4) -> str:
    """Rights of U-mode for one access of ``width`` bytes: letters of ``rwx``.

    The lowest entry that matches any of its bytes decides, and faults it unless it matches all. Where none matches
    U-mode may do nothing.
    """
    for index, (_, config) in enumerate(registers):
        low, high = bounds(registers, index, grain)
        if max(low, address) < min(high, address + width):
            if not low <= address <= address + width <= high:
                return ""
            rights = "".join(letter for bit, letter in enumerate("rwx") if config >> bit & 1)
            assert "w" not in rights or "r" in rights, "write without read is reserved"
            return rights
    return ""


def edges(registers: Sequence[Pair], *, grain: int = 4) -> Iterator[int]:
    """Every address at which the answer can change, and the bytes beside it."""
    for index in range(len(registers)):
        low, high = bounds(registers, index, grain)
        if low < high:
            yield from (a for a in (low - 1, low, high - 1, high) if 0 <= a < 1 << 32)
