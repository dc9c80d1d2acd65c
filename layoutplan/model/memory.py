"""What the chip has: memories, peripherals, aliases, and entries that are there before us."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Machine, UnitName


class MemoryType(enum.StrEnum):
    """Memory type and cacheability as both Arm units can express them; PMP has no such field."""

    NORMAL_UNCACHED = "normal-uncached"
    NORMAL_WRITE_THROUGH = "normal-write-through"
    NORMAL_WRITE_BACK = "normal-write-back"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """An ld ``MEMORY`` entry. ``access`` is what it can hold for components: flash ``rx``, RAM ``rw``."""

    name: str
    range: AddressRange
    access: Access
    type: MemoryType
    shareable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Peripheral:
    """Device registers that a partition may be granted. A bus master is a way to memory past the regions."""

    name: str
    range: AddressRange
    bus_master: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Bytes of a memory that belong to nobody in the plan: a bootloader, a DMA buffer."""

    memory: str
    range: AddressRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A second address for the same bytes: each byte of ``target`` takes ``scale`` bytes of ``view`` (bit-band: 32)."""

    view: AddressRange
    target: AddressRange
    scale: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedEntry:
    """A PMP entry that boot ROM or the chip has set before us. ``hardwired`` ones cannot be rewritten."""

    index: int
    address: int
    config: int
    hardwired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PmpTraits:
    """What a core's PMP lacks or bends. ``grain`` in bytes; ``modes`` of ``napot``, ``na4``, ``tor``.

    ``smepmp``: the plan uses the extension, which the core must have.
    """

    grain: int = 4
    modes: frozenset[str] = frozenset({"napot", "na4", "tor"})
    fixed: tuple[FixedEntry, ...] = ()
    swapped_rx: bool = False
    smepmp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The chip as the planner needs it. ``slots`` counts all hardware slots, reserved and hard-wired ones too."""

    chip: str | None = None
    machine: Machine = Machine.ARM
    unit: UnitName
    slots: int
    memories: tuple[Memory, ...]
    peripherals: tuple[Peripheral, ...] = ()
    aliases: tuple[Alias, ...] = ()
    pmp: PmpTraits = field(default_factory=PmpTraits)
    fpu: bool = False
    verified: bool = False

    def memory(self, name: str) -> Memory:
        """The memory of that name; ``KeyError`` when there is none."""
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(name)

    @property
    def caveat(self) -> str | None:
        """What a proof on this chip leaves open, as facts of its catalogue entry lack a source; else ``None``."""
        if self.chip is None or self.verified:
            return None
        return (
            f"the catalogue entry of {self.chip} is unverified: some of its facts have no source, so what is "
            "proved holds for the entry, not yet for the chip"
        )
