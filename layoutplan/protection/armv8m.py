"""PMSAv8, the protection unit of ARMv8-M.

Source: Armv8-M Architecture Reference Manual (DDI 0553), B9 "The Protected Memory System Architecture" and the
descriptions of ``MPU_RBAR``, ``MPU_RLAR``, ``MPU_MAIR0``. Enabled regions never overlap here: an access that two of
them match faults, whatever their attributes, so there are no overlays either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_down, align_up
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection.unit import Wholes

GRANULE = 32

ATTRIBUTE_INDEX: Mapping[MemoryType, int] = {
    MemoryType.NORMAL_WRITE_BACK: 0,
    MemoryType.NORMAL_WRITE_THROUGH: 1,
    MemoryType.NORMAL_UNCACHED: 2,
    MemoryType.DEVICE: 3,
}
"""``MPU_RLAR.AttrIndx``: the byte of ``MPU_MAIR0`` that gives the memory type. The eight are shared by all regions."""

MAIR: Mapping[MemoryType, int] = {
    MemoryType.NORMAL_WRITE_BACK: 0xFF,  # inner and outer write-back, non-transient, allocating on reads and writes
    MemoryType.NORMAL_WRITE_THROUGH: 0xAA,  # inner and outer write-through, non-transient, allocating on reads
    MemoryType.NORMAL_UNCACHED: 0x44,
    MemoryType.DEVICE: 0x04,  # Device-nGnRE, what PMSAv7 calls Device
}
"""``MPU_MAIR0`` and ``MPU_MAIR1`` attribute bytes by memory type."""

MAIR0 = sum(MAIR[kind] << 8 * index for kind, index in ATTRIBUTE_INDEX.items())
MAIR1 = 0
"""The two registers, written once at boot before the unit is switched on."""

SH_NONE, SH_OUTER = 0b00, 0b10
"""``MPU_RBAR.SH``; 0b01 is reserved. Device memory ignores the field."""

AP: Mapping[Access, int] = {
    Access.NONE: 0b00,  # privileged read-write only
    Access.RW: 0b01,  # read-write at any privilege
    Access.R: 0b11,  # read-only at any privilege; nothing gives the kernel more than an unprivileged reader
    Access.RX: 0b11,
}
"""``MPU_RBAR.AP`` by unprivileged rights."""


@dataclass(frozen=True, slots=True)
class Pmsav8:
    """A unit whose region is any range of 32 B granules."""

    @property
    def name(self) -> UnitName:
        """ARMv8-M."""
        return UnitName.ARMV8M

    @property
    def granule(self) -> int:
        """32 B: BASE and LIMIT are bits 31 to 5."""
        return GRANULE

    @property
    def types(self) -> frozenset[MemoryType]:
        """All: each has its byte in ``MPU_MAIR0``."""
        return frozenset(ATTRIBUTE_INDEX)

    @property
    def code_may_have_seams(self) -> bool:
        """There are none: a block is one region."""
        return True

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """One slot a piece."""
        return len(cover)

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:  # noqa: ARG002 - one region cuts nothing
        """As the protocol says: one region, or ``None`` off the granule."""
        if (granted.base | granted.end) % GRANULE or granted.end > ADDRESS_SPACE_END:
            return None
        return (granted,)

    def least_granted(self, size: int, slots: int) -> int | None:
        """As the protocol says."""
        return align_up(size, GRANULE) if slots > 0 else None

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:  # noqa: ARG002 - one region cuts nothing
        """As the protocol says."""
        base = align_down(align_down(top, GRANULE) - align_up(size, GRANULE), max(align, GRANULE))
        return AddressRange(base, align_up(base + size, GRANULE)) if slots > 0 and base >= 0 else None

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """As the protocol says."""
        return AddressRange(align_down(needed.base, GRANULE), align_up(needed.end, GRANULE)) if slots > 0 else None

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
        """``(MPU_RBAR, MPU_RLAR)``. PXN stays clear: it exists from Armv8.1-M on only."""
        if access not in AP:
            raise ValueError(f"{self.name} has no region with rights {access.letters!r}")
        if self.cover(piece) is None:
            raise ValueError(f"no {self.name} region matches exactly {piece}")
        never_execute = Access.EXECUTE not in access
        sharing = SH_OUTER if shareable or type is MemoryType.DEVICE else SH_NONE
        rbar = piece.base | sharing << 3 | AP[access] << 1 | never_execute
        # LIMIT names the last granule inside; the end instead would grant the neighbour's first 32 bytes.
        rlar = align_down(piece.last, GRANULE) | ATTRIBUTE_INDEX[type] << 1 | 1
        return ((rbar, rlar),)


ARMV8M = Pmsav8()
