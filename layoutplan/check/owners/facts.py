"""``need`` and ``owner``: what partitions must reach and whose every byte is, from the manifest and block addresses.

Of the plan only two things are read: the memory and the base address of each block, and where its parts are inside.
Both are claims that are checked here (sizes, alignment, membership, disjointness); the rights come from the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from layoutplan.address import AddressRange, next_power_of_two, subtract
from layoutplan.check.elf.image import SHF_EXECINSTR, SHF_WRITE, Section
from layoutplan.check.owners.physical import physical_ranges
from layoutplan.model.access import Access, Kind
from layoutplan.model.component import System
from layoutplan.model.memory import Alias, MemoryType

PRIVATE_PERIPHERAL_BUS = AddressRange(0xE000_0000, 0xE010_0000)
"""Armv6-M, v7-M and v8-M architecture reference manuals, system address map: NVIC, SysTick, the MPU itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPart:
    """A part at its address, as the plan claims it and as its size was checked against the manifest."""

    name: str
    range: AddressRange
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBlock:
    """A block at its address: ``used`` from the base to the end of its last wanted part."""

    name: str
    owner: str
    kind: Kind
    memory: str
    used: AddressRange
    rights: Mapping[str, Access]
    parts: tuple[PlacedPart, ...] = ()
    whole: bool = False

    @property
    def stem(self) -> str:
        """What the names of its symbols begin with, ``__lp_uart_data`` say."""
        return "__lp_" + self.name.replace(".", "_").replace(":", "_").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Bytes that a partition must reach, as issued addresses. ``whole``: no seam between two slots may cut them."""

    partition: str
    range: AddressRange
    access: Access
    what: str
    whole: bool = False


class Tenure(StrEnum):
    """What sort of owner bytes have; the owner's name is the manifest's, and may be like any other's."""

    KERNEL = "kernel"
    SYSTEM = "system"
    """The core's own registers, and what the manifest reserves."""
    BLOCK = "block"
    """A block with its padding."""
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Physical bytes with one owner, and what each partition may do there; partitions not named may do nothing.

    ``holder`` is the name without what is said about it: of padding the block.
    """

    owner: str
    tenure: Tenure
    holder: str
    range: AddressRange
    rights: Mapping[str, Access] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedRange:
    """Issued addresses whose memory type a region must repeat, as the catalogue has it. All else is device memory."""

    name: str
    range: AddressRange
    type: MemoryType
    shareable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The independent side of every obligation. ``territories`` are disjoint and ascending; the rest is nobody's.

    ``kernel_needs`` is by the partition whose registers are loaded.
    """

    partitions: tuple[str, ...]
    needs: tuple[Need, ...]
    territories: tuple[Territory, ...]
    kernel_needs: Mapping[str, tuple[Need, ...]]
    types: tuple[TypedRange, ...]
    aliases: tuple[Alias, ...]

    def needs_of(self, partition: str) -> tuple[Need, ...]:
        """The needs of one partition, ascending."""
        return tuple(need for need in self.needs if need.partition == partition)

    def owners(self, issued: AddressRange) -> Iterator[Territory | None]:
        """Whose the bytes at issued addresses are; ``None`` for nobody's."""
        for physical in physical_ranges(self.aliases, issued):
            met = [territory for territory in self.territories if territory.range.overlaps(physical)]
            yield from met
            if list(subtract(physical, [territory.range for territory in met])):
                yield None


def facts_of(system: System, blocks: Iterable[PlacedBlock], kernel: Iterable[Section] = ()) -> Facts:
    """Needs and owners for blocks at their addresses; ``kernel`` are its linked sections, wherever they are."""
    kernel = tuple(kernel)
    blocks = tuple(sorted(blocks, key=lambda block: block.used))
    partitions = tuple(sorted(p.name for p in system.partitions))
    peripherals = _granted_peripherals(system)
    devices = kernel_devices(system)
    needs = [
        Need(partition=partition, range=block.used, access=access, what=block.name, whole=block.whole)
        for block in blocks
        for partition, access in block.rights.items()
    ]
    needs += [
        Need(partition=partition, range=part.range, access=block.rights[partition], what=part.name, whole=True)
        for block in blocks
        for part in block.parts
        if part.whole
        for partition in block.rights
    ]
    needs += [
        Need(partition=partition, range=range_, access=Access.RW, what=name)
        for name, (partition, range_) in peripherals.items()
    ]
    return Facts(
        partitions=partitions,
        needs=tuple(sorted(needs, key=lambda need: (need.partition, need.range, need.what))),
        territories=_territories(system, blocks, peripherals, devices, kernel),
        kernel_needs={partition: _kernel_needs(system, blocks, kernel, partition) for partition in partitions},
        types=_types(system),
        aliases=system.target.aliases,
    )


def _granted_peripherals(system: System) -> dict[str, tuple[str, AddressRange]]:
    """Peripheral name to (partition, range), for those that a component names."""
    ranges = {p.name: p.range for p in (*system.target.peripherals, *system.peripherals)}
    return {
        name: (component.partition, ranges[name])
        for component in system.components
        for name in component.peripherals
        if name in ranges
    }


def kernel_devices(system: System) -> dict[str, AddressRange]:
    """The devices that the manifest leaves to the kernel."""
    ranges = {p.name: p.range for p in (*system.target.peripherals, *system.peripherals)}
    return {name: ranges[name] for name in system.kernel.peripherals if name in ranges}


def kernel_ranges(system: System, blocks: Iterable[PlacedBlock]) -> tuple[tuple[str, AddressRange], ...]:
    """The kernel before linking: in its memories, what lies below the lowest block and is nobody else's."""
    blocks = tuple(blocks)
    found: list[tuple[str, AddressRange]] = []
    for name in dict.fromkeys((system.kernel.code_memory, system.kernel.data_memory)):
        memory = next((m for m in system.target.memories if m.name == name), None)
        if memory is None:
            continue
        lowest = min((b.used.base for b in blocks if memory.range.contains(b.used)), default=memory.range.end)
        if lowest > memory.range.base:
            taken = [reserve.range for reserve in system.reserves]
            whole = AddressRange(memory.range.base, lowest)
            found += [(name, piece) for piece in subtract(whole, taken)]
    return tuple(found)


def _territories(
    system: System,
    blocks: tuple[PlacedBlock, ...],
    peripherals: Mapping[str, tuple[str, AddressRange]],
    devices: Mapping[str, AddressRange],
    kernel: tuple[Section, ...],
) -> tuple[Territory, ...]:
    aliases = system.target.aliases
    owned: list[Territory] = []

    def claim(tenure: Tenure, holder: str, issued: AddressRange, rights: Mapping[str, Access], what: str = "") -> None:
        # What is claimed first keeps its bytes; overlapping blocks are a finding of their own (rule `disjoint`).
        for physical in physical_ranges(aliases, issued):
            owned.extend(
                Territory(owner=what + holder, tenure=tenure, holder=holder, range=piece, rights=rights)
                for piece in subtract(physical, [t.range for t in owned if t.range.overlaps(physical)])
            )

    claim(Tenure.SYSTEM, "private peripheral bus", PRIVATE_PERIPHERAL_BUS, {})
    for reserve in system.reserves:
        claim(Tenure.SYSTEM, reserve.memory, reserve.range, {}, "reserve in ")
    for section in kernel:
        claim(Tenure.KERNEL, section.name, section.range, {}, "kernel ")
    for name, piece in kernel_ranges(system, blocks):
        claim(Tenure.KERNEL, name, piece, {}, "kernel ")
    for name, range_ in devices.items():
        claim(Tenure.DEVICE, name, range_, {}, "kernel ")
    for block in blocks:
        claim(Tenure.BLOCK, block.name, block.used, block.rights)
    for name, (partition, range_) in peripherals.items():
        claim(Tenure.DEVICE, name, range_, {partition: Access.RW})
    claimed = tuple(owned)
    for block in blocks:
        for tail in _tail(system, block, claimed):
            claim(Tenure.BLOCK, block.name, tail, block.rights, "padding of ")
    for name, (partition, range_) in peripherals.items():
        for spill in _accepted_excess(system, partition, range_, [t.range for t in claimed]):
            claim(Tenure.DEVICE, name, spill, {partition: Access.RW}, "accepted excess of ")
    return tuple(sorted(owned, key=lambda territory: territory.range))


def _tail(system: System, block: PlacedBlock, claimed: tuple[Territory, ...]) -> Iterable[AddressRange]:
    """Physical bytes that only this block's padding may take: from its end up to the next owned byte of its memory."""
    memory = system.target.memory(block.memory)
    for used in physical_ranges(system.target.aliases, block.used):
        for whole in physical_ranges(system.target.aliases, memory.range):
            if not whole.contains(used):
                continue
            above = (t.range.base for t in claimed if t.range.base >= used.end)
            end = min((*above, whole.end))
            if used.end < end:
                yield AddressRange(used.end, end)


def _accepted_excess(
    system: System, partition: str, peripheral: AddressRange, claimed: list[AddressRange]
) -> Iterable[AddressRange]:
    """Device bytes around a peripheral that its partition may reach by written consent.

    At most the least naturally aligned power of two that holds the peripheral, never a memory, never what somebody
    owns, and never another bus master unless DMA was accepted too.
    """
    accepted = {word for c in system.components if c.partition == partition for word in c.accept}
    if "excess" not in accepted:
        return
    size = next_power_of_two(max(peripheral.size, 32))
    while peripheral.base // size != peripheral.last // size:
        size *= 2
    around = AddressRange.of(peripheral.base // size * size, size)
    forbidden = claimed + [m.range for m in system.target.memories] + [a.view for a in system.target.aliases]
    if "dma" not in accepted:
        forbidden += [p.range for p in (*system.target.peripherals, *system.peripherals) if p.bus_master]
    yield from subtract(around, forbidden)


def _kernel_needs(
    system: System, blocks: tuple[PlacedBlock, ...], kernel: tuple[Section, ...], running: str
) -> tuple[Need, ...]:
    """The kernel runs its own code, uses its own data, fills and clears partitions' data and reads what they pass.

    What the ``running`` partition may only read, the kernel may only read meanwhile: v8-M has no other encoding. With
    Smepmp it reaches its linked sections wherever they are, its own devices too, and partitions' memory with the
    running partition's rights alone (``mstatus.MPRV``): by itself it has this and no more (rule ``kernel-confined``).
    """
    needs = [
        Need(
            partition="kernel",
            range=piece,
            access=(Access.RX if name == system.kernel.code_memory else Access.NONE)
            | (Access.RW if name == system.kernel.data_memory else Access.NONE),
            what=f"kernel {name}",
        )
        for name, piece in kernel_ranges(system, blocks)
    ]
    if system.smepmp:
        needs += [
            Need(partition="kernel", range=section.range, access=_used(system, section), what=f"kernel {section.name}")
            for section in kernel
        ]
        devices = kernel_devices(system).items()
        needs += [Need(partition="kernel", range=range_, access=Access.RW, what=name) for name, range_ in devices]
        return tuple(needs)
    for block in blocks:
        access = Access.RW if block.kind in (Kind.DATA, Kind.SHARED) else Access.R
        access &= block.rights.get(running, Access.RW)
        needs.append(Need(partition="kernel", range=block.used, access=access, what=block.name))
    return tuple(needs)


def _used(system: System, section: Section) -> Access:
    """How the kernel uses a section of its own, by the section's flags.

    Linkers set SHF_WRITE for whatever a script lays down; in the code memory it means nothing.
    """
    code = system.target.memory(system.kernel.code_memory).range
    access = Access.RW if section.flags & SHF_WRITE and not code.contains(section.range) else Access.R
    return access | Access.EXECUTE if section.flags & SHF_EXECINSTR else access


def _types(system: System) -> tuple[TypedRange, ...]:
    return tuple(
        TypedRange(name=m.name, range=m.range, type=m.type, shareable=m.shareable) for m in system.target.memories
    )
