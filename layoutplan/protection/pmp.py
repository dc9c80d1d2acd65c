"""RISC-V physical memory protection, as a RV32 core has it, for unprivileged code in U-mode.

Source: The RISC-V Instruction Set Manual, Volume II (Privileged Architecture), "Physical Memory Protection". Entries of
partitions are the same with Smepmp and without it: not locked, with the rights of U-mode. Without it M-mode reaches
what no locked entry matches; with ``mseccfg.MML`` and ``MMWP`` a locked entry is M-mode's alone, and M-mode reaches
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, align_down, align_up, is_power_of_two
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import MemoryType, PmpTraits
from layoutplan.model.plan import Words
from layoutplan.protection import runs
from layoutplan.protection.unit import Wholes

SHIFT = 0
"""A NAPOT entry has no subregions: its run is one unit."""

OFF, TOR, NA4, NAPOT = 0, 1, 2, 3
"""``pmpcfg.A``, bits 4:3 of an entry's byte."""

LOCK = 1 << 7
"""``pmpcfg.L``: not written until reset; under ``mseccfg.MML`` the entry's rights are M-mode's and nobody else's."""

LEAST_NAPOT = 8
"""NAPOT needs one address bit to say its size; four bytes are NA4."""

MOST_ENTRIES = 64

RIGHTS: Mapping[Access, int] = {Access.NONE: 0b000, Access.R: 0b001, Access.RW: 0b011, Access.RX: 0b101}
"""``pmpcfg`` bits X, W, R. Write without read is reserved."""

RIGHTS_SWAPPED: Mapping[Access, int] = {Access.NONE: 0b000, Access.R: 0b100, Access.RW: 0b110, Access.RX: 0b101}
"""The same where silicon has R and X in each other's place (RP2350-E6)."""


@dataclass(frozen=True, slots=True)
class Pmp:
    """A unit with the modes and the grain that ``traits`` leave it.

    A range takes one entry where NAPOT or NA4 describes it, else two for TOR, the first of which holds the lower
    bound. Only where there is no TOR do several NAPOT entries adjoin. An access must be inside one entry entirely, so
    a seam between two faults what straddles it although both allow it: pieces meet at multiples of 8, the widest
    naturally aligned access, and never inside code, whose 4-byte instructions lie at multiples of 2.
    """

    traits: PmpTraits

    @property
    def name(self) -> UnitName:
        """PMP."""
        return UnitName.PMP

    @property
    def granule(self) -> int:
        """The grain, or more where only larger entries are left."""
        return self._grain if self._has_tor or self._least_run is None else self._least_run

    @property
    def types(self) -> frozenset[MemoryType]:
        """All: PMP has no such field, the core's own attributes hold."""
        return frozenset(MemoryType)

    @property
    def code_may_have_seams(self) -> bool:
        """No: a compressed instruction stream has instructions across every word boundary."""
        return False

    @property
    def _grain(self) -> int:
        return self.traits.grain

    @property
    def _has_tor(self) -> bool:
        return "tor" in self.traits.modes

    @property
    def _least_run(self) -> int | None:
        """The smallest range that one entry describes, or ``None``. A grain above 4 leaves no NA4."""
        if "na4" in self.traits.modes and self._grain == 4:
            return 4
        return max(LEAST_NAPOT, self._grain) if "napot" in self.traits.modes else None

    def _one_entry(self, piece: AddressRange) -> bool:
        least = self._least_run
        if least is None or piece.size < least or not is_power_of_two(piece.size) or piece.base % piece.size:
            return False
        return piece.size == 4 or "napot" in self.traits.modes

    def _on_grain(self, piece: AddressRange) -> bool:
        return (piece.base | piece.end) % self._grain == 0 and piece.end <= ADDRESS_SPACE_END

    def cost(self, cover: tuple[AddressRange, ...]) -> int:
        """One entry a NAPOT or NA4 piece, two a TOR piece."""
        return sum(1 if self._one_entry(piece) else 2 for piece in cover)

    def cover(self, granted: AddressRange, wholes: Wholes = ()) -> tuple[AddressRange, ...] | None:
        """As the protocol says."""
        if not self._on_grain(granted):
            return None
        if self._one_entry(granted) or self._has_tor:
            return (granted,)
        least = self._least_run
        if "napot" not in self.traits.modes or least is None or (granted.base | granted.end) % least:
            return None
        pieces = runs.uncut(granted.base, granted.end, SHIFT, wholes, MOST_ENTRIES)
        return None if pieces is None else tuple(AddressRange(base, end) for base, end in pieces)

    def least_granted(self, size: int, slots: int) -> int | None:
        """As the protocol says."""
        if slots >= 2 and self._has_tor:
            return align_up(size, self._grain)
        least = self._least_run
        if slots < 1 or least is None:
            return None
        if "napot" not in self.traits.modes:
            return 4 if size <= 4 else None
        return runs.least_total(-(-size // least), SHIFT, slots) * least

    def place(self, top: int, size: int, align: int, slots: int, wholes: Wholes = ()) -> AddressRange | None:
        """As the protocol says."""
        if slots >= 2 and self._has_tor:
            base = align_down(align_down(top, self._grain) - align_up(size, self._grain), max(align, self._grain))
            return AddressRange(base, align_up(base + size, self._grain)) if base >= 0 else None
        least = self._least_run
        if slots < 1 or least is None:
            return None
        if "napot" not in self.traits.modes:
            base = align_down(align_down(top, 4) - 4, max(align, 4))
            return AddressRange.of(base, 4) if size <= 4 and base >= 0 else None
        found = runs.highest(top, size, align, slots, SHIFT, least, wholes)
        return None if found is None else AddressRange(*found)

    def enclosing(self, needed: AddressRange, slots: int) -> AddressRange | None:
        """As the protocol says; ``None`` too where one entry cannot be large enough."""
        rounded = AddressRange(align_down(needed.base, self._grain), align_up(needed.end, self._grain))
        if (slots >= 2 and self._has_tor) or (slots >= 1 and self._one_entry(rounded)):
            return rounded
        least = self._least_run
        if slots < 1 or least is None or "napot" not in self.traits.modes:
            return None
        return AddressRange(*runs.smallest_enclosing(needed.base, needed.end, slots, SHIFT, least, ADDRESS_SPACE_END))

    def encode(self, piece: AddressRange, access: Access, type: MemoryType, shareable: bool) -> tuple[Words, ...]:  # noqa: A002, ARG002 - PMP has no memory types
        """``(pmpaddr, pmpcfg)`` of one entry, or of two neighbouring ones for TOR: the lower bound with A off, the top.

        ``pmpaddr`` holds address bits 33 to 2.
        """
        config = self._config(access)
        if not self._on_grain(piece):
            raise ValueError(f"no PMP entry matches exactly {piece}")
        if self._one_entry(piece):
            if piece.size == 4:
                return ((piece.base >> 2, NA4 << 3 | config),)
            # The ones below the lowest zero give the size: none for 8 bytes, one for 16.
            return ((piece.base >> 2 | (piece.size >> 3) - 1, NAPOT << 3 | config),)
        if not self._has_tor:
            raise ValueError(f"no PMP entry matches exactly {piece}")
        return ((piece.base >> 2, OFF << 3), (piece.end >> 2, TOR << 3 | config))

    def encode_privileged(self, piece: AddressRange, access: Access) -> tuple[Words, ...]:
        """As :meth:`encode`, for M-mode alone under ``mseccfg.MML``: every entry locked, a lower bound's too."""
        encoded = self.encode(piece, access, MemoryType.DEVICE, True)
        return tuple((address, config | LOCK) for address, config in encoded)

    def _config(self, access: Access) -> int:
        rights = RIGHTS_SWAPPED if self.traits.swapped_rx else RIGHTS
        if access not in rights:
            raise ValueError(f"{self.name} has no entry with rights {access.letters!r}")
        return rights[access]
