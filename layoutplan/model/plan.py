"""The plan: blocks, where they are, the regions that match them, and the register words of every partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from layoutplan.address import AddressRange, align_up
from layoutplan.model.access import Access, Isolation, Kind, UnitName
from layoutplan.model.component import LOADED, Role

IMAGE_ALIGN = 8
"""Load images start at multiples of this, so that start-up code may copy words."""

Words = tuple[int, int]
"""A register pair as it reads: ``(RBAR, RASR)`` with VALID and REGION zero, ``(RBAR, RLAR)``, or ``(pmpaddr, pmpcfg)``
with ``pmpcfg`` one byte."""

DISABLED: Words = (0, 0)
"""The pair of a slot that matches nothing; zero on every unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A run of bytes inside a block. ``offset`` is from the block's base; no region boundary cuts a ``whole`` part."""

    name: str
    role: Role
    component: str | None
    offset: int
    size: int
    align: int
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What one partition needs contiguously in one memory for one kind of access.

    ``name`` is ``uart.data``, ``shared:ring``, ``shared:code`` or ``runtime``; ``partition`` the owner as in the
    report. ``size`` in bytes is the end of the last part; ``align`` the largest alignment inside. ``memories`` are
    those allowed, preferred first. ``granted_to`` maps each partition to its rights on the whole block.
    """

    name: str
    partition: str
    kind: Kind
    memories: tuple[str, ...]
    size: int
    align: int
    parts: tuple[Part, ...]
    granted_to: Mapping[str, Access]
    split: bool = True
    pin: int | None = None

    @property
    def load_image(self) -> int:
        """Bytes of the kernel's flash that hold the block's contents until start-up has copied them, if it is in RAM.

        From the first part that has contents to the last, at their distances, so that one copy serves the block.
        """
        parts = sorted((part.offset, part.offset + part.size) for part in self.parts if part.role in LOADED)
        return align_up(parts[-1][1] - parts[0][0], IMAGE_ALIGN) if parts else 0

    @property
    def symbol(self) -> str:
        """The stem of ``__lp_<stem>_start`` and ``_end``: ``uart_data``, ``shared_ring``, ``runtime``."""
        return self.name.replace(".", "_").replace(":", "_").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What one or more neighbouring slots match: ``words`` pairs that together match exactly ``ranges``.

    One pair on Arm; on PMP one (NAPOT, NA4) or two (TOR). The ranges are more than one only where subregions are
    disabled in between. ``owner`` is a block's or a peripheral's name.
    """

    owner: str
    ranges: tuple[AddressRange, ...]
    access: Access
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A block at its address. ``granted`` is what its regions permit: ``block.size`` bytes, then padding.

    ``denied`` adjoins it: what the first and the last region of ``cover`` match beyond it, and regions without access,
    one for each item and decided before those, take back.
    """

    block: Block
    memory: str
    granted: AddressRange
    cover: tuple[AddressRange, ...]
    denied: tuple[AddressRange, ...] = ()

    @property
    def used(self) -> AddressRange:
        """The bytes asked for, at the bottom of ``granted``."""
        return AddressRange.of(self.granted.base, self.block.size)

    @property
    def padding(self) -> int:
        """Bytes granted and not asked for."""
        return self.granted.size - self.block.size


@dataclass(frozen=True, slots=True, kw_only=True)
class PeripheralGrant:
    """Device registers granted to one partition, and the regions that match them. ``excess`` in bytes."""

    name: str
    partition: str
    range: AddressRange
    cover: tuple[AddressRange, ...]
    excess: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One hardware slot while a partition runs. A reserved slot has zero words and is the kernel's to fill."""

    index: int
    words: Words
    owner: str | None = None
    static: bool = False
    reserved: bool = False

    @property
    def owners(self) -> tuple[str, ...]:
        """The block, or the peripherals, that the slot matches: one region may serve several devices of a partition."""
        return tuple(self.owner.split(", ")) if self.owner else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMap:
    """Which hardware slots are written when: ``static`` at boot, ``dynamic`` on every switch, ``reserved`` never."""

    first_static: int
    static: int
    first_dynamic: int
    dynamic: int
    first_reserved: int
    reserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareBounds:
    """Base, size and mask of a partition's linear memory for compiler-inserted checks. Bytes."""

    base: int
    size: int
    mask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The joint objective in weighted bytes: ``value``, its proved lower ``bound``, ``optimal`` only when proved."""

    weights: Mapping[str, float]
    value: float
    bound: float
    optimal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A complete answer. ``registers`` maps each partition, sorted by name, to every hardware slot ascending.

    ``background`` are the kernel's own regions where it has no background map, and with Smepmp; they are in the static
    slots.
    """

    unit: UnitName
    isolation: frozenset[Isolation]
    placements: tuple[Placement, ...]
    peripherals: tuple[PeripheralGrant, ...]
    slots: SlotMap
    registers: Mapping[str, tuple[Slot, ...]]
    objective: Objective
    software: Mapping[str, SoftwareBounds] = field(default_factory=dict)
    background: tuple[Region, ...] = ()

    def placement(self, block: str) -> Placement:
        """The placement of the block of that name; ``KeyError`` when there is none."""
        for placement in self.placements:
            if placement.block.name == block:
                return placement
        raise KeyError(block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A named fact that the user stated and the solver had to respect, with the numbers and its place."""

    name: str
    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way out of infeasibility, solved again before it is offered. ``cost`` orders them, least first."""

    text: str
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to know before the next change, verified by solving again.

    ``kind``: ``shrink``: ``amount`` bytes less of ``subject`` give ``saves`` bytes of ``memory`` back; ``slot``:
    ``amount`` slots more for ``subject`` do; ``grow``: ``subject`` may grow by ``amount`` bytes and nothing moves.
    """

    kind: str
    subject: str
    memory: str
    amount: int
    saves: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """The answer yes."""

    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Infeasible:
    """The answer no, with constraints that cannot hold together. ``minimal`` only when each was shown to be needed."""

    core: tuple[Constraint, ...]
    minimal: bool
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfEffort:
    """Neither yes nor no within the effort."""

    reason: str


Outcome = Solved | Infeasible | OutOfEffort
