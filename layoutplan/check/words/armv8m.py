"""PMSAv8 register words, decoded from the manual: Armv8-M ARM (DDI 0553), B9.4 and the registers' descriptions.

``MPU_RBAR``: BASE 31:5, SH 4:3, AP 2:1, XN 0. ``MPU_RLAR``: LIMIT 31:5 (inclusive: its low bits read as ones),
PXN 4 (v8.1-M only), AttrIndx 3:1, EN 0. An address in two enabled regions faults. ``MPU_MAIR0`` is an assumption of
use: boot writes :data:`MAIR0`, and the other four attributes stay zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layoutplan.address import AddressRange
from layoutplan.check.words.armv7m import default_map
from layoutplan.check.words.permits import Interval, Match, overlap_faults, resolve
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, Target
from layoutplan.model.plan import Words

MAIR0 = 0x0444_AAFF
"""AttrIndx 0 write-back, 1 write-through, 2 not cacheable, 3 Device-nGnRE."""

_AP = {
    0b00: (Access.RW, Access.NONE),
    0b01: (Access.RW, Access.RW),
    0b10: (Access.R, Access.NONE),
    0b11: (Access.R, Access.R),
}


class Armv8m:
    """The decoder of one PMSAv8 unit without the v8.1-M extension."""

    def malformed(self, words: Sequence[Words], target: Target) -> Iterator[tuple[int, str]]:
        """(slot, reason) for each reserved field, each region that ends before it begins, and each overlap."""
        del target
        enabled: list[tuple[int, AddressRange]] = []
        for slot, (rbar, rlar) in enumerate(words):
            if not 0 <= rbar < 1 << 32 or not 0 <= rlar < 1 << 32:
                yield slot, "a register has 32 bits"
            elif rlar & 1:
                if rbar >> 3 & 3 == 0b01:
                    yield slot, "SH 0b01 is reserved"
                if rlar & 0x10:
                    yield slot, "RLAR bit 4 is reserved before Armv8.1-M"
                if rlar & ~0x1F < rbar & ~0x1F:
                    yield slot, "LIMIT is below BASE"
                else:
                    enabled.append((slot, AddressRange(rbar & ~0x1F, (rlar | 0x1F) + 1)))
        for index, (slot, range_) in enumerate(enabled):
            for other, before in enabled[:index]:
                if range_.overlaps(before):
                    yield slot, f"overlaps the region of slot {other}, and every access to both faults"

    def intervals(self, words: Sequence[Words], target: Target) -> tuple[Interval, ...]:
        """What the words permit."""
        del target
        return resolve([match for slot, pair in enumerate(words) for match in self.matches(slot, pair)], overlap_faults)

    def matches(self, slot: int, pair: Words) -> Iterator[Match]:
        """What one slot matches; nothing when it is disabled or ends before it begins."""
        rbar, rlar = pair
        base, end = rbar & 0xFFFF_FFE0, (rlar & 0xFFFF_FFE0) + 32
        if not rlar & 1 or end <= base:
            return
        privileged, user = _AP[rbar >> 1 & 3]
        if not rbar & 1:
            privileged |= Access.EXECUTE
            user |= Access.EXECUTE if user & Access.READ else Access.NONE
        attribute = (rbar >> 3 & 3) << 3 | rlar >> 1 & 7
        yield Match(slot=slot, ranges=(AddressRange(base, end),), user=user, privileged=privileged, attribute=attribute)

    def background(self, range_: AddressRange) -> tuple[tuple[AddressRange, Access], ...]:
        """Privileged rights where no region matches: the default map, with PRIVDEFENA set."""
        return default_map(range_)

    def type_is(self, attribute: int, expected: MemoryType, *, shareable: bool) -> bool:
        """Whether AttrIndx, through MAIR, and SH give the catalogue's type. Device memory ignores SH."""
        index = attribute & 7
        policy = MAIR0 >> 8 * index & 0xFF if index < 4 else 0
        outer, inner = policy >> 4, policy & 0xF
        if expected is MemoryType.DEVICE:
            return policy == 0x04
        found = {
            MemoryType.NORMAL_UNCACHED: policy == 0x44,
            MemoryType.NORMAL_WRITE_THROUGH: outer & 0b1100 == inner & 0b1100 == 0b1000,
            MemoryType.NORMAL_WRITE_BACK: outer & 0b1100 == inner & 0b1100 == 0b1100,
        }
        return found[expected] and (attribute >> 3 in (0b10, 0b11)) == shareable
