"""The plan's placement against the manifest: every part once, where it may be, and nothing on top of another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.check.owners.facts import PRIVATE_PERIPHERAL_BUS, PlacedBlock, PlacedPart, kernel_ranges
from layoutplan.check.owners.physical import depth, fold, physical_ranges
from layoutplan.check.owners.wanted import Wanted, load_image_bytes, rights, wanted
from layoutplan.model.access import Access, Kind, Trust, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import Part, Placement, Plan

RULES = ("parts", "memory", "disjoint", "trust", "pin", "kernel-room", "cover", "peripheral", "alias", "address-space")
"""The rules decided here, one obligation each."""


def placed_blocks(system: System, plan: Plan) -> tuple[tuple[PlacedBlock, ...], tuple[Finding, ...]]:
    """The plan's blocks with the rights that the manifest gives, and everything that is wrong with them."""
    outstanding = {part.key: part for part in wanted(system)}
    findings: list[Finding] = []
    blocks: list[PlacedBlock] = []
    memories = {memory.name for memory in system.target.memories}
    names = [placement.block.name for placement in plan.placements]
    findings += [
        Finding(rule="parts", partition=name, message=f"block `{name}` is placed more than once")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for placement in sorted(plan.placements, key=lambda p: (p.granted.base, p.block.name)):
        if placement.memory not in memories:
            message = (
                f"block `{placement.block.name}` is in memory `{placement.memory}`, which the target does not have"
            )
            findings.append(Finding(rule="memory", partition=placement.block.partition, message=message))
            continue
        if placement.granted.end > ADDRESS_SPACE_END:
            message = f"block `{placement.block.name}` is beyond 2^32"
            where = placement.granted
            findings.append(Finding(rule="memory", partition=placement.block.partition, range=where, message=message))
            continue
        block, faults = _placed(system, placement, outstanding)
        blocks.append(block)
        findings += faults
    for part in outstanding.values():
        message = f"`{part.key[0]}` needs {part.size} B of {part.key[1].value} and no block holds them"
        findings.append(Finding(rule="parts", partition=part.owner, message=message))
    return tuple(blocks), tuple(findings)


def structure(system: System, plan: Plan, blocks: tuple[PlacedBlock, ...]) -> Iterator[Finding]:
    """Rules about blocks together: disjoint, room for the kernel, pins, aliases, what the plan says of peripherals."""
    yield from _trust(system)
    yield from _disjoint(system, blocks)
    yield from _kernel_room(system, blocks)
    yield from _pins(system, plan)
    yield from _peripherals(system, plan)
    yield from _aliases(system)


def _placed(
    system: System, placement: Placement, outstanding: dict[tuple[str, Role], Wanted]
) -> tuple[PlacedBlock, list[Finding]]:
    block, base = placement.block, placement.granted.base
    members = {part.component for part in block.parts if part.component is not None}
    granted_rights = rights(system, block.partition, block.kind, members)
    findings: list[Finding] = []

    def fault(rule: str, message: str, where: AddressRange = placement.granted) -> None:
        findings.append(Finding(rule=rule, partition=block.partition, range=where, message=message))

    if not granted_rights:
        fault("parts", f"the manifest has no {block.kind.value} block of `{block.partition}`")
    if dict(block.granted_to) != dict(granted_rights):
        fault("parts", f"block `{block.name}` is granted to {_named(block.granted_to)}, not {_named(granted_rights)}")
    parts: list[PlacedPart] = []
    position = base
    for part in sorted(block.parts, key=lambda part: (part.offset, part.name)):
        if part.size == 0 and part.offset >= 0:
            continue
        if part.size < 0 or part.offset < 0 or base + part.offset + part.size > ADDRESS_SPACE_END:
            fault("parts", f"`{part.name}` has {part.size} B at offset {part.offset}")
            continue
        asked = outstanding.get(_key(part))
        if asked is None or (asked.owner, asked.kind) != (block.partition, block.kind):
            fault("parts", f"`{part.name}` in block `{block.name}` is not asked for there, or is there twice")
            continue
        del outstanding[_key(part)]
        where = AddressRange.of(base + part.offset, part.size)
        if part.size < asked.size:
            fault("parts", f"`{part.name}` is {part.size} B where {asked.size} B are needed", where)
        if where.base % asked.align:
            fault("parts", f"`{part.name}` is not aligned to {asked.align} B", where)
        if where.base < position:
            fault("parts", f"`{part.name}` overlaps the part below it in block `{block.name}`", where)
        if asked.memories and placement.memory not in asked.memories:
            fault("memory", f"`{part.name}` may be in {', '.join(asked.memories)}, not in `{placement.memory}`", where)
        position = max(position, where.end)
        parts.append(PlacedPart(name=part.name, range=where, whole=asked.whole))
    if not parts:
        fault("parts", f"block `{block.name}` holds nothing that the manifest asks for")
    used = AddressRange(base, max(position, min(base + max(block.size, 1), placement.granted.end), base + 1))
    if block.size != position - base:
        fault("parts", f"block `{block.name}` claims {block.size} B where its parts end at {position - base} B", used)
    memory = system.target.memory(placement.memory)
    for what, range_ in (("block", used), ("grant of block", placement.granted)):
        if not memory.range.contains(range_):
            fault("memory", f"{what} `{block.name}` is not inside `{memory.name}` {memory.range}", range_)
    lacking = (Access.RX if block.kind in (Kind.CODE, Kind.RODATA) else Access.RW) & ~memory.access
    if lacking & ~Access.EXECUTE or (lacking and block.kind is Kind.CODE):
        fault("memory", f"`{memory.name}` does not allow `{lacking.letters}`, which block `{block.name}` needs")
    if not placement.granted.contains(used):
        fault("cover", f"block `{block.name}` uses {used}, beyond what is granted", used)
    covered = merge(placement.cover) if placement.cover else ()
    if system.unit is not UnitName.NONE and covered != (placement.granted,):
        fault("cover", f"the regions of block `{block.name}` match {' '.join(map(str, covered)) or 'nothing'}")
    unsplit = not all(p.split for p in system.partitions if p.name == block.partition)
    return PlacedBlock(
        name=block.name,
        owner=block.partition,
        kind=block.kind,
        memory=placement.memory,
        used=used,
        rights=granted_rights,
        parts=tuple(parts),
        whole=unsplit,
    ), findings


def _key(part: Part) -> tuple[str, Role]:
    match part.role:
        case Role.STACK:
            return part.name.removesuffix(".stack"), Role.STACK
        case Role.SHARE:
            return part.name.removeprefix("shared."), Role.SHARE
        case _:
            return part.component or part.name.rpartition(".")[0], part.role


def _named(rights_: Iterable[str] | dict[str, Access]) -> str:
    pairs = dict(rights_) if isinstance(rights_, dict) else {}
    return ", ".join(f"{name} {access.letters}" for name, access in sorted(pairs.items())) or "nobody"


def _trust(system: System) -> Iterator[Finding]:
    """Untrusted code runs in nobody else's partition and shares no code, unless somebody accepted it in writing."""
    for partition in system.partitions:
        members = [component for component in system.components if component.partition == partition.name]
        untrusted = [component for component in members if component.trust is Trust.UNTRUSTED]
        accepted = {word for component in members for word in component.accept}
        if not untrusted:
            continue

        def fault(message: str, partition: str = partition.name) -> Finding:
            return Finding(rule="trust", partition=partition, message=message)

        if not partition.code_private:
            yield fault(f"untrusted `{untrusted[0].name}` is in a partition that shares its code")
        if len(untrusted) < len(members) and "mixed-trust" not in accepted:
            yield fault(f"untrusted `{untrusted[0].name}` shares a partition with verified components")
        if not system.isolation and "no-isolation" not in accepted:
            yield fault(f"untrusted `{untrusted[0].name}` runs without isolation, and nobody accepted it")


def _disjoint(system: System, blocks: tuple[PlacedBlock, ...]) -> Iterator[Finding]:
    aliases = system.target.aliases
    taken = [(b.name, b.owner, piece) for b in blocks for piece in physical_ranges(aliases, b.used)]
    taken += [
        (f"reserve in {r.memory}", "", piece) for r in system.reserves for piece in physical_ranges(aliases, r.range)
    ]
    taken.sort(key=lambda item: (item[2], item[0]))
    reach = taken[0] if taken else None
    for item in taken[1:]:
        assert reach is not None
        overlap = reach[2].intersection(item[2])
        if overlap is not None and reach[0] != item[0]:
            message = f"`{reach[0]}` and `{item[0]}` overlap"
            yield Finding(rule="disjoint", partition=item[1] or reach[1], range=overlap, message=message)
        if item[2].end > reach[2].end:
            reach = item


def _kernel_room(system: System, blocks: tuple[PlacedBlock, ...]) -> Iterator[Finding]:
    kernel = system.kernel
    least = {kernel.code_memory: 0, kernel.data_memory: 0}
    least[kernel.code_memory] += kernel.code + load_image_bytes(system)
    least[kernel.data_memory] += kernel.data + kernel.bss + kernel.stack
    for memory, needed in least.items():
        room = sum(piece.size for name, piece in kernel_ranges(system, blocks) if name == memory)
        if room < needed:
            message = f"the kernel needs at least {needed} B of `{memory}`; {room} B are left below the lowest block"
            yield Finding(rule="kernel-room", partition="kernel", message=message)


def _pins(system: System, plan: Plan) -> Iterator[Finding]:
    pins = {(p.name, kind): address for p in system.partitions for kind, address in p.pin.items()}
    for placement in plan.placements:
        pin = pins.get((placement.block.partition, placement.block.kind))
        if pin is not None and pin != placement.granted.base:
            message = f"block `{placement.block.name}` is pinned to {pin:#x}"
            yield Finding(rule="pin", partition=placement.block.partition, range=placement.granted, message=message)


def _peripherals(system: System, plan: Plan) -> Iterator[Finding]:
    known = (*system.target.peripherals, *system.peripherals)
    ranges = {p.name: p for p in known}
    asked = {(c.partition, name) for c in system.components for name in c.peripherals}
    aliases = system.target.aliases
    masters = [piece for p in known if p.bus_master for piece in physical_ranges(aliases, p.range)]
    for name in sorted({name for _, name in asked}):
        holders = sorted({partition for partition, other in asked if other == name})
        if name not in ranges:
            yield Finding(rule="peripheral", partition=holders[0], message=f"peripheral `{name}` is not described")
            continue
        peripheral = ranges[name]
        pieces = physical_ranges(aliases, peripheral.range)
        is_master = any(piece.overlaps(master) for piece in pieces for master in masters)
        if len(holders) > 1:
            message = f"peripheral `{name}` is granted to {', '.join(holders)}; one partition only"
            yield Finding(rule="peripheral", partition=holders[0], range=peripheral.range, message=message)
        if peripheral.range.overlaps(PRIVATE_PERIPHERAL_BUS) and system.unit is not UnitName.PMP:
            message = f"peripheral `{name}` is on the private peripheral bus, which is never granted"
            yield Finding(rule="peripheral", partition=holders[0], range=peripheral.range, message=message)
        for holder in holders:
            dma_accepted = any("dma" in c.accept for c in system.components if c.partition == holder)
            untrusted = any(p.trust == "untrusted" for p in system.partitions if p.name == holder)
            if is_master and untrusted and not dma_accepted:
                message = (
                    f"peripheral `{name}` is a way to memory past the regions, and nobody accepted that for `{holder}`"
                )
                yield Finding(rule="peripheral", partition=holder, range=peripheral.range, message=message)
    for first, second in pairwise(sorted((ranges[n].range, n, p) for p, n in asked if n in ranges)):
        if first[0].overlaps(second[0]) and first[1] != second[1] and first[2] != second[2]:
            message = f"peripherals `{first[1]}` of `{first[2]}` and `{second[1]}` of `{second[2]}` overlap"
            yield Finding(rule="peripheral", partition=second[2], range=second[0], message=message)
    for name in system.kernel.peripherals:
        if name not in ranges:
            yield Finding(rule="peripheral", partition="kernel", message=f"peripheral `{name}` is not described")
            continue
        for holder, other in sorted(asked):
            if other in ranges and ranges[other].range.overlaps(ranges[name].range):
                message = f"peripheral `{other}` of `{holder}` is, in part, the kernel's `{name}`"
                yield Finding(rule="peripheral", partition=holder, range=ranges[other].range, message=message)
    told = {(grant.partition, grant.name) for grant in plan.peripherals}
    if system.unit is not UnitName.NONE:
        for partition, name in sorted(asked ^ told):
            message = f"peripheral `{name}` and partition `{partition}`: the plan and the manifest differ"
            yield Finding(rule="peripheral", partition=partition, message=message)


def _aliases(system: System) -> Iterator[Finding]:
    """Folding ends, and where two views meet it is said which byte is behind: else bytes would escape ownership."""
    aliases = system.target.aliases
    if depth(aliases) is None:
        yield Finding(rule="alias", range=aliases[0].view, message="aliases lead back to themselves")
    for alias in aliases:
        if alias.scale < 1 or alias.view.size != alias.target.size * alias.scale:
            yield Finding(rule="alias", range=alias.view, message="the view's size is not the target's times the scale")
        for other in aliases:
            if alias is not other and alias.view.overlaps(other.view):
                message = f"the view {alias.view} meets the view {other.view} of another"
                yield Finding(rule="alias", range=alias.view, message=message)
    for memory in system.target.memories:
        if memory.range.end > ADDRESS_SPACE_END:
            message = f"memory `{memory.name}` ends above 2^32"
            yield Finding(rule="address-space", range=memory.range, message=message)
        if any(piece.scale != 1 for piece in fold(aliases, memory.range)):
            message = f"memory `{memory.name}` is a bit-band view; blocks cannot be placed there"
            yield Finding(rule="alias", range=memory.range, message=message)
