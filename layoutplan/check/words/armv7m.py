"""PMSAv7 and PMSAv6 register words, decoded from the manuals: Armv7-M ARM (DDI 0403) B3.5, Armv6-M ARM (DDI 0419) B3.5.

``MPU_RBAR``: ADDR in 31:5 (31:8 on v6-M), VALID 4, REGION 3:0. ``MPU_RASR``: XN 28, AP 26:24, TEX 21:19 (reserved on
v6-M), S 18, C 17, B 16, SRD 15:8, SIZE 5:1, ENABLE 0; a region is 2^(SIZE+1) bytes. The SMT-LIB text in
``armv7m.smt2`` says the same a second time; this module does not share code with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from layoutplan.address import AddressRange
from layoutplan.check.words.permits import Interval, Match, highest_wins, resolve
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, Target
from layoutplan.model.plan import Words

_RW, _R, _NONE = Access.RW, Access.R, Access.NONE
_AP: dict[int, tuple[Access, Access]] = {
    # AP: (privileged, unprivileged), Armv7-M ARM table B3-15. 0b100 is reserved and grants nothing here.
    0b000: (_NONE, _NONE),
    0b001: (_RW, _NONE),
    0b010: (_RW, _R),
    0b011: (_RW, _RW),
    0b100: (_NONE, _NONE),
    0b101: (_R, _NONE),
    0b110: (_R, _R),
    0b111: (_R, _R),
}
_RESERVED_RASR = 0xE8C0_00C0  # bits 31:29, 27, 23:22, 7:6
_TEX_FIELD = 0x0038_0000


def default_map(range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
    """Privileged rights by the default memory map of the Cortex-M architectures: devices are execute-never."""
    never_execute = (AddressRange(0x4000_0000, 0x6000_0000), AddressRange(0xA000_0000, 1 << 32))
    edges = sorted({range_.base, range_.end, *(e for n in never_execute for e in (n.base, n.end) if e in range_)})
    pieces: list[tuple[AddressRange, Access]] = []
    for base, end in pairwise(edges):
        barred = any(base in piece for piece in never_execute)
        pieces.append((AddressRange(base, end), Access.RW if barred else Access.RW | Access.EXECUTE))
    return tuple(pieces)


class Armv7m:
    """The decoder of one PMSAv7 or, with ``v6`` true, PMSAv6 unit."""

    def __init__(self, *, v6: bool = False, background: bool = True) -> None:
        self._v6 = v6
        self._background = background
        self._reserved = _RESERVED_RASR | (_TEX_FIELD if v6 else 0)
        self._least_size = 7 if v6 else 4  # SIZE of 256 B and of 32 B

    def malformed(self, words: Sequence[Words], target: Target) -> Iterator[tuple[int, str]]:
        """(slot, reason) for each reserved or UNPREDICTABLE field; pairs as they read."""
        del target
        for slot, (rbar, rasr) in enumerate(words):
            if not 0 <= rbar < 1 << 32 or not 0 <= rasr < 1 << 32:
                yield slot, "a register has 32 bits"
                continue
            if rbar & 0x1F:
                yield slot, "RBAR bits 4:0 (VALID, REGION) are not zero in a word as it reads"
            if self._v6 and rbar & 0xE0:
                yield slot, "RBAR bits 7:5 are reserved on Armv6-M"
            if rasr & self._reserved:
                yield slot, f"RASR has reserved bits {rasr & self._reserved:#010x}"
            if rasr & 1:
                yield from ((slot, reason) for reason in self._malformed_enabled(rbar, rasr))

    def _malformed_enabled(self, rbar: int, rasr: int) -> Iterator[str]:
        size_field = rasr >> 1 & 0x1F
        if size_field < self._least_size:
            yield f"SIZE {size_field} is below the unit's least region"
        elif rbar & ~0x1F & ((2 << size_field) - 1):
            yield f"the base is not a multiple of the region's 2^{size_field + 1} bytes"
        if size_field < 7 and rasr >> 8 & 0xFF:
            yield "SRD is not zero in a region below 256 B"
        if rasr >> 24 & 7 == 0b100:
            yield "AP 0b100 is reserved"
        if not self._v6:
            tex, cb = rasr >> 19 & 7, rasr >> 16 & 3
            if (tex == 1 and cb in (1, 2)) or (tex == 2 and cb != 0) or tex == 3:
                yield f"TEX {tex:#05b} with C,B {cb:#04b} is reserved"

    def intervals(self, words: Sequence[Words], target: Target) -> tuple[Interval, ...]:
        """What the words permit; where a field is malformed, the most permissive reading."""
        del target
        return resolve([match for slot, pair in enumerate(words) for match in self.matches(slot, pair)], highest_wins)

    def matches(self, slot: int, pair: Words) -> Iterator[Match]:
        """What one slot matches; nothing when it is disabled."""
        rbar, rasr = pair
        if not rasr & 1:
            return
        size_field = rasr >> 1 & 0x1F
        size = 2 << size_field
        base = rbar & (0xFFFF_FF00 if self._v6 else 0xFFFF_FFE0) & -size
        if size_field < 7:
            ranges: tuple[AddressRange, ...] = (AddressRange.of(base, size),)
        else:
            eighth = size // 8
            ranges = tuple(AddressRange.of(base + i * eighth, eighth) for i in range(8) if not rasr >> 8 + i & 1)
        privileged, user = _AP[rasr >> 24 & 7]
        if not rasr >> 28 & 1:
            # A fetch needs XN clear and permission to read, at the privilege of the fetch.
            privileged |= Access.EXECUTE if privileged & Access.READ else Access.NONE
            user |= Access.EXECUTE if user & Access.READ else Access.NONE
        yield Match(slot=slot, ranges=ranges, user=user, privileged=privileged, attribute=rasr >> 16 & 0x3F)

    def background(self, range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
        """Privileged rights where no region matches: the default map with PRIVDEFENA set (table B3-1), else none."""
        return default_map(range_) if self._background else ((range_, Access.NONE),)

    def type_is(self, attribute: int, expected: MemoryType, *, shareable: bool) -> bool:
        """Whether TEX, S, C, B give the catalogue's type. Device memory may be either kind; its S bit is ignored."""
        tex, cb = attribute >> 3 & 7, attribute & 3
        if self._v6:
            tex = 0
        if expected is MemoryType.DEVICE:
            return (tex, cb) in ((0, 1), (2, 0))
        policies = {
            MemoryType.NORMAL_UNCACHED: ((1, 0), (4, 0)),
            MemoryType.NORMAL_WRITE_THROUGH: ((0, 2), (6, 2)),
            MemoryType.NORMAL_WRITE_BACK: ((0, 3), (1, 3), (7, 3), (5, 1)),
        }
        return (tex, cb) in policies[expected] and bool(attribute >> 2 & 1) == shareable
