"""No protection unit: isolation by hardware is off or the chip has none, and nothing is rounded."""

from __future__ import annotations

from layoutplan.address import AddressRange, align_down
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words
from layoutplan.protection.unit import Wholes


class NoUnit:
    """Every range is covered in no slots, because nothing guards it."""

    @property
    def name(self) -> UnitName:
        """None."""
        return UnitName.NONE

    @property
    def granule(self) -> int:
        """One byte."""
        return 1

    @property
    def types(self) -> frozenset[MemoryType]:
        """All: none is written anywhere."""
        return frozenset(MemoryType)

    @property
    def code_may_have_seams(self) -> bool:
        """There are none."""
        return True

    def cost(self, cover: tuple[AddressRange, ...]) -> int:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return 0

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...]:  # noqa: ARG002 - the protocol's signature
        """No region at all."""
        return ()

    def least_granted(self, size: int, slots: int) -> int:  # noqa: ARG002 - the protocol's signature
        """The size asked for."""
        return size

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:  # noqa: ARG002 - the protocol's signature
        """Right below ``top``, as the alignment lets it be."""
        base = align_down(top - size, align)
        return AddressRange.of(base, size) if base >= 0 else None

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange:  # noqa: ARG002 - the protocol's signature
        """What is needed."""
        return needed

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002, ARG002 - the protocol's signature
        """No register."""
        return ()
