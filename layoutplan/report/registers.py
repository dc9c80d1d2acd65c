"""What a pair of register words matches, so that a reader of the report need not decode it by hand.

For display only: the proof decodes on its own, in ``check/``.
"""

from __future__ import annotations

from layoutplan.address import AddressRange, merge
from layoutplan.model.access import Access, UnitName
from layoutplan.model.plan import Slot, Words

WORD_NAMES = {
    UnitName.ARMV6M: ("rbar", "rasr"),
    UnitName.ARMV7M: ("rbar", "rasr"),
    UnitName.ARMV8M: ("rbar", "rlar"),
    UnitName.PMP: ("pmpaddr", "pmpcfg"),
}
"""What the two words of a slot are called, in the manuals' names and in lower case."""

HIGHEST_SLOT_WINS = frozenset({UnitName.ARMV6M, UnitName.ARMV7M})
"""Where two slots match one address PMSAv6 and v7 take the higher number, PMP the lower; PMSAv8 faults."""

Match = tuple[tuple[AddressRange, ...], Access]
"""The bytes that a slot matches (none when it is disabled) and what unprivileged code may do there."""


def matches(
    unit: UnitName, slots: tuple[Slot, ...], *, swapped_rx: bool = False, smepmp: bool = False
) -> tuple[Match, ...]:
    """For every slot of ``slots``, all hardware slots ascending, what it matches. ``smepmp``: MML is set."""
    if unit is UnitName.PMP:
        below = (0, *(slot.words[0] for slot in slots))
        found = (_pmp(slot.words, previous, swapped_rx) for slot, previous in zip(slots, below, strict=False))
        # A locked entry is M-mode's alone under MML.
        return tuple(
            (ranges, Access.NONE if smepmp and slot.words[1] & 0x80 else access)
            for slot, (ranges, access) in zip(slots, found, strict=True)
        )
    decode = {UnitName.ARMV6M: _pmsav7, UnitName.ARMV7M: _pmsav7, UnitName.ARMV8M: _pmsav8}
    return tuple(decode[unit](slot.words) for slot in slots) if unit in decode else ()


def _pmsav7(words: Words) -> Match:
    """``MPU_RASR``: ENABLE 0, SIZE 5:1 as log2(size) - 1, SRD 15:8, AP 26:24, XN 28 (Armv7-M ARM)."""
    rbar, rasr = words
    if not rasr & 1:
        return (), Access.NONE
    size = 2 << (rasr >> 1 & 0x1F)
    base = rbar & -size & -32
    step = size // 8
    disabled = rasr >> 8 & 0xFF
    pieces = [AddressRange.of(base + i * step, step) for i in range(8) if not disabled >> i & 1] if step >= 32 else []
    ranges = merge(pieces) if step >= 32 else (AddressRange.of(base, size),)
    permission = {0b010: Access.R, 0b011: Access.RW, 0b110: Access.R, 0b111: Access.R}
    access = permission.get(rasr >> 24 & 7, Access.NONE)
    executable = access & Access.READ and not rasr >> 28 & 1
    return ranges, access | Access.EXECUTE if executable else access


def _pmsav8(words: Words) -> Match:
    """``MPU_RBAR``: XN 0, AP 2:1; ``MPU_RLAR``: EN 0, inclusive LIMIT 31:5 (Armv8-M ARM)."""
    rbar, rlar = words
    base, end = rbar & -32, (rlar | 31) + 1
    if not rlar & 1 or end <= base:
        return (), Access.NONE
    access = {0b01: Access.RW, 0b11: Access.R}.get(rbar >> 1 & 3, Access.NONE)
    executable = access & Access.READ and not rbar & 1
    return (AddressRange(base, end),), access | Access.EXECUTE if executable else access


def _pmp(words: Words, previous: int, swapped_rx: bool) -> Match:
    """``pmpcfg``: R 0, W 1, X 2, A 4:3; ``pmpaddr`` holds address bits 33:2 (RISC-V Privileged, PMP)."""
    address, config = words
    mode = config >> 3 & 3
    base, end = {1: (previous << 2, address << 2), 2: (address << 2, (address << 2) + 4), 3: _napot(address)}.get(
        mode, (0, 0)
    )
    if end <= base:
        return (), Access.NONE
    read, execute = (4, 1) if swapped_rx else (1, 4)
    access = Access.NONE
    for bit, right in ((read, Access.READ), (2, Access.WRITE), (execute, Access.EXECUTE)):
        access |= right if config & bit else Access.NONE
    return (AddressRange(base, end),), access


def _napot(address: int) -> tuple[int, int]:
    """``y…y011…1`` with n trailing ones is 2^(n+3) bytes."""
    ones = (~address & address + 1).bit_length() - 1
    base = (address & ~((2 << ones) - 1)) << 2
    return base, base + (8 << ones)
