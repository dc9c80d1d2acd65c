"""What a protection unit offers the planner: legal covers with their slot cost, and their encoding."""

from __future__ import annotations

from typing import Protocol

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType
from layoutplan.model.plan import Words

Wholes = tuple[tuple[int, int], ...]
"""Half-open offsets from a block's base that no region boundary may cut: a stack, a shared buffer."""


class ProtectionUnit(Protocol):
    """One unit. All sizes and addresses in bytes.

    A *cover* is adjoining ranges, ascending. Each is encoded by itself: mostly as one region, on PMP also as the two
    entries of TOR. With overlays the first and the last may be what is left of a larger region.
    """

    @property
    def name(self) -> UnitName:
        """The unit's name."""

    @property
    def granule(self) -> int:
        """Bases and ends of regions are multiples of this."""

    @property
    def types(self) -> frozenset[MemoryType]:
        """The memory types that :meth:`encode` can give."""

    @property
    def code_may_have_seams(self) -> bool:
        """Whether a fetch may straddle two regions. Where it may not, all code of a block belongs in ``wholes``."""

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """Hardware slots that the cover takes."""

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:
        """A cover of exactly ``granted`` with the fewest slots and no boundary inside ``wholes``, or ``None``."""

    def least_granted(self, size: int, slots: int) -> int | None:
        """The least bytes, over all positions, that a cover of ``size`` bytes in ``slots`` slots matches.

        With overlays a lower bound of it. ``None`` where no position has such a cover.
        """

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:
        """The granted range with the greatest base, then the least end, that ends at or below ``top``.

        Its base is a multiple of ``align``, it holds at least ``size`` bytes, and a cover with at most ``slots``
        slots and no boundary inside ``wholes`` matches exactly it. Monotone in ``top``. ``None`` if there is none.
        ``size`` is at least one; ``align`` is a power of two.
        """

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """The smallest range, then the greatest base, that holds ``needed`` and that at most ``slots`` slots match.

        For what cannot move, such as device registers: ``cover(needed)`` says whether they can be described exactly
        and in how many slots; the size of this less that of ``needed`` is the excess of describing them otherwise.
        ``None`` where nothing is large enough: no slots, or no mode that spans it.
        """

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002 - the field's name
        """The register pairs, as they read, of one region: unprivileged ``access``, privileged at least as much.

        ``access`` is none, ``r``, ``rw`` or ``rx``. ``ValueError`` for other rights, for a ``type`` that is not in
        :attr:`types`, and for a ``piece`` that is not one region.
        """
