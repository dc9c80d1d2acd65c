"""PMSAv7, the protection unit of ARMv7-M, and the part of it that ARMv6-M has.

Sources: ARMv7-M Architecture Reference Manual (DDI 0403), "Protected Memory System Architecture, PMSAv7";
ARMv6-M Architecture Reference Manual (DDI 0419), the same for PMSAv6. Register names are the manuals'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_down, is_power_of_two
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection import runs
from layoutplan.protection.unit import Wholes

SUBREGIONS = 8
SHIFT = 3
"""log2 of the subregions of a region."""

GRANULE = 32
"""The smallest subregion, an eighth of 256 B, which is also the smallest v7-M region."""

LEAST_DIVISIBLE = 256
"""The smallest region with subregions. Below it a nonzero ``MPU_RASR.SRD`` is UNPREDICTABLE, not ignored."""

MOST_SLOTS = 16
"""The most regions that a PMSAv7 unit has in silicon."""

AP: Mapping[Access, int] = {
    Access.NONE: 0b001,  # privileged read-write, unprivileged none
    Access.R: 0b110,  # read-only for both
    Access.RX: 0b110,
    Access.RW: 0b011,  # full access
}
"""``MPU_RASR.AP`` by unprivileged rights."""

PRIVILEGED_READ_ONLY = 0b101
"""``MPU_RASR.AP``: privileged read-only, unprivileged none."""

ATTRIBUTES_V7M: Mapping[MemoryType, int] = {
    MemoryType.NORMAL_UNCACHED: 0b001_00,
    MemoryType.NORMAL_WRITE_THROUGH: 0b000_10,
    MemoryType.NORMAL_WRITE_BACK: 0b001_11,
    MemoryType.DEVICE: 0b000_01,
}
"""``MPU_RASR`` TEX, C, B (five bits TEX:C:B, TEX first) by memory type (DDI 0403, MPU_RASR: TEX, C, B).

Write-back allocates on writes too, as the default memory map does for RAM; Device is the shareable one.
"""

ATTRIBUTES_V6M: Mapping[MemoryType, int] = {
    MemoryType.NORMAL_WRITE_THROUGH: 0b10,
    MemoryType.NORMAL_WRITE_BACK: 0b11,
    MemoryType.DEVICE: 0b01,
}
"""The same for ARMv6-M, which has no TEX field and so no uncached Normal memory."""


@dataclass(frozen=True, slots=True)
class Pmsav7:
    """A unit whose region is a power of two aligned to its size, with eight subregions that can be disabled."""

    name: UnitName
    smallest_region: int
    attributes: Mapping[MemoryType, int]

    @property
    def granule(self) -> int:
        """32 B, on ARMv6-M too: one subregion of a 256 B region."""
        return GRANULE

    @property
    def types(self) -> frozenset[MemoryType]:
        """The memory types that TEX, C and B can name."""
        return frozenset(self.attributes)

    @property
    def code_may_have_seams(self) -> bool:
        """Yes: each fetch is one aligned word or halfword, looked up by itself."""
        return True

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """One slot a piece."""
        return len(cover)

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:
        """As the protocol says: runs of subregions end to end; overlapping ones never need fewer slots."""
        if (granted.base | granted.end) % GRANULE or granted.end > ADDRESS_SPACE_END:
            return None
        pieces = runs.uncut(granted.base, granted.end, SHIFT, wholes, MOST_SLOTS)
        return None if pieces is None else tuple(AddressRange(base, end) for base, end in pieces)

    def least_granted(self, size: int, slots: int) -> int | None:
        """As the protocol says."""
        return runs.least_total(-(-size // GRANULE), SHIFT, slots) * GRANULE if slots > 0 else None

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:
        """As the protocol says."""
        found = runs.highest(top, size, align, slots, SHIFT, GRANULE, wholes)
        return None if found is None else AddressRange(*found)

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """As the protocol says; one region of 4 GiB holds everything."""
        if slots < 1:
            return None
        return AddressRange(*runs.smallest_enclosing(needed.base, needed.end, slots, SHIFT, GRANULE, ADDRESS_SPACE_END))

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
        """``(MPU_RBAR, MPU_RASR)`` as they read, with VALID and REGION zero.

        ``ValueError`` for a piece that is not one region, for rights that ``AP`` cannot give or that break W^X, and
        for a memory type that is not in :attr:`types`.
        """
        base, size = self._region(piece)
        return (self._words(base, size, (piece,), access, type, shareable),)

    def encode_privileged(
        self,
        piece: AddressRange,
        *,
        execute: bool,
        type: MemoryType,  # noqa: A002 - the field's name
        shareable: bool,
    ) -> tuple[Words, ...]:
        """The words of one region for privileged code alone: read and execute, or read and write."""
        base, size = self._region(piece)
        rbar, rasr = self._words(base, size, (piece,), Access.NONE, type, shareable)
        if execute:
            rasr = rasr & ~(0b111 << 24 | 1 << 28) | PRIVILEGED_READ_ONLY << 24
        return ((rbar, rasr),)

    def encode_subregions(
        self,
        base: int,
        size: int,
        matched: Sequence[AddressRange],
        access: Access,
        type: MemoryType,  # noqa: A002 - the field's name
        shareable: bool,
    ) -> tuple[Words, ...]:
        """The words of a region of 256 bytes or more whose subregions outside ``matched`` are disabled."""
        return (self._words(base, size, matched, access, type, shareable),)

    def _words(
        self,
        base: int,
        size: int,
        matched: Sequence[AddressRange],
        access: Access,
        type: MemoryType,  # noqa: A002 - the field's name
        shareable: bool,
    ) -> Words:
        if access not in AP:
            raise ValueError(f"{self.name} has no region with rights {access.letters!r}")
        if type not in self.attributes:
            raise ValueError(f"{self.name} has no encoding for {type}")
        # SRD stays zero below 256 B, where all of the region is matched.
        eighth = size // SUBREGIONS
        disabled = 0
        for index in range(SUBREGIONS):
            if not any(base + index * eighth in range_ for range_ in matched):
                disabled |= 1 << index
        tex, cacheable_bufferable = divmod(self.attributes[type], 4)
        # Device ignores S on ARMv7-M; it is set so that the word says what the memory is.
        shared = shareable or type is MemoryType.DEVICE
        never_execute = Access.EXECUTE not in access
        rasr = (
            never_execute << 28
            | AP[access] << 24
            | tex << 19
            | shared << 18
            | cacheable_bufferable << 16
            | disabled << 8
            | (size.bit_length() - 2) << 1  # SIZE is log2(size) - 1; one more would match twice as much
            | 1
        )
        return base, rasr

    def _region(self, piece: AddressRange) -> tuple[int, int]:
        """Base and size of the smallest region that can match exactly ``piece``: without subregions where it can."""
        size = piece.size
        if is_power_of_two(size) and size >= self.smallest_region and piece.base % size == 0:
            return piece.base, size
        size = LEAST_DIVISIBLE
        while size <= ADDRESS_SPACE_END:
            base = align_down(piece.base, size)
            if piece.end <= base + size:
                if (piece.base | piece.end) % (size // SUBREGIONS):
                    break
                return base, size
            size <<= 1
        raise ValueError(f"no {self.name} region matches exactly {piece}")


ARMV7M = Pmsav7(UnitName.ARMV7M, 32, ATTRIBUTES_V7M)
ARMV6M = Pmsav7(UnitName.ARMV6M, 256, ATTRIBUTES_V6M)
