"""Addresses and half-open address ranges, in bytes.

Half-open everywhere; an inclusive limit exists only at the Armv8-M ``MPU_RLAR`` register and is made there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ADDRESS_SPACE_END = 1 << 32
"""One past the last byte that a 32-bit load or store can reach."""


@dataclass(frozen=True, slots=True, order=True)
class AddressRange:
    """Addresses ``base <= a < end``. Never empty: absence is ``None``."""

    base: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.base < self.end:
            raise ValueError(f"not an address range: {self.base:#x}..{self.end:#x}")

    @classmethod
    def of(cls, base: int, size: int) -> AddressRange:
        """The ``size`` bytes from ``base``; ``ValueError`` for a size below one."""
        return cls(base, base + size)

    @property
    def size(self) -> int:
        """Bytes in the range, at least one."""
        return self.end - self.base

    @property
    def last(self) -> int:
        """The last address inside."""
        return self.end - 1

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.end

    def contains(self, other: AddressRange) -> bool:
        """Whether every byte of ``other`` is inside."""
        return self.base <= other.base and other.end <= self.end

    def overlaps(self, other: AddressRange) -> bool:
        """Whether one byte or more is in both."""
        return self.base < other.end and other.base < self.end

    def intersection(self, other: AddressRange) -> AddressRange | None:
        """The bytes in both, or ``None``."""
        base, end = max(self.base, other.base), min(self.end, other.end)
        return AddressRange(base, end) if base < end else None

    def __str__(self) -> str:
        return f"[{hexadecimal(self.base)}, {hexadecimal(self.end)})"


def merge(ranges: Iterable[AddressRange]) -> tuple[AddressRange, ...]:
    """The same bytes as maximal, sorted, disjoint ranges."""
    merged: list[AddressRange] = []
    for piece in sorted(ranges):
        if merged and piece.base <= merged[-1].end:
            merged[-1] = AddressRange(merged[-1].base, max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return tuple(merged)


def subtract(whole: AddressRange, holes: Iterable[AddressRange]) -> Iterator[AddressRange]:
    """The bytes of ``whole`` in none of ``holes``, ascending."""
    position = whole.base
    for hole in merge(holes):
        if hole.end <= position:
            continue
        if hole.base >= whole.end:
            break
        if position < hole.base:
            yield AddressRange(position, hole.base)
        position = hole.end
    if position < whole.end:
        yield AddressRange(position, whole.end)


def align_up(value: int, alignment: int) -> int:
    """The least multiple of ``alignment`` (a power of two) not below ``value``."""
    return (value + alignment - 1) & -alignment


def align_down(value: int, alignment: int) -> int:
    """The greatest multiple of ``alignment`` (a power of two) not above ``value``."""
    return value & -alignment


def is_power_of_two(value: int) -> bool:
    """Whether ``value`` is 1, 2, 4 and so on."""
    return value > 0 and value & (value - 1) == 0


def next_power_of_two(value: int) -> int:
    """The least power of two not below ``value``, itself at least one."""
    return 1 << (value - 1).bit_length()


def hexadecimal(value: int) -> str:
    """``0x2000_0000``: eight digits or more, grouped as the manuals and Rust write them."""
    digits = f"{value:08x}"
    head = len(digits) % 4
    groups = [digits[:head]] if head else []
    groups += [digits[i : i + 4] for i in range(head, len(digits), 4)]
    return "0x" + "_".join(groups)
