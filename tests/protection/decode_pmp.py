"""What PMP entries match and permit, read from the privileged specification for the tests alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One entry that matches something: half-open bytes, unprivileged rights."""

    range: tuple[int, int]
    rights: str


def decode(words: Sequence[tuple[int, int]], grain: int = 4, swapped: bool = False) -> list[Entry]:
    """The entries of a table that match, lowest number first; ``ValueError`` for what is reserved or not there.

    Registers read as a core of that grain returns them.
    """
    granularity = (grain // 4).bit_length() - 1
    found = []
    lower = 0
    for address, config in words:
        if not 0 <= address < 1 << 32 or not 0 <= config < 1 << 8:
            raise ValueError("register out of range")
        mode = config >> 3 & 3
        if config & 0x60:
            raise ValueError("reserved configuration bits")
        if config & 0x80:
            raise ValueError("locked")
        read, write, execute = config & 1, config >> 1 & 1, config >> 2 & 1
        if swapped:
            read, execute = execute, read
        if write and not read:
            raise ValueError("write without read")
        rights = "r" * read + "w" * write + "x" * execute
        if mode == 1:  # TOR: low bits of both bounds are taken as zero
            low, high = lower >> granularity << granularity, address >> granularity << granularity
            if low < high:
                found.append(Entry((low * 4, high * 4), rights))
        elif mode == 2:
            if granularity:
                raise ValueError("NA4 with a grain above 4")
            found.append(Entry((address * 4, address * 4 + 4), rights))
        elif mode == 3:
            seen = address | ((1 << granularity) - 1 >> 1)  # bits G-2..0 read as ones
            ones = 0
            while seen >> ones & 1:
                ones += 1
            size = 8 << ones
            base = (seen >> ones) << ones + 2
            base -= base % size
            found.append(Entry((base, base + size), rights))
        lower = address
    return found


def permits(entries: Sequence[Entry], address: int, width: int) -> str:
    """Unprivileged rights of one access: the lowest entry that matches any byte must match all of them."""
    for entry in entries:
        low, high = entry.range
        if address < high and low < address + width:
            return entry.rights if low <= address and address + width <= high else ""
    return ""
