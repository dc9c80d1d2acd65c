"""Blocks: what each partition needs contiguously, with every part at its offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from layoutplan.address import align_up
from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Component, Partition, Role, System
from layoutplan.model.plan import Block, Part

ESTIMATE_ALIGN = 8
"""Alignment of a part known by its size only: the largest natural alignment of both procedure call standards."""

_ROLE_ORDER = tuple(Role)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part before it has an offset."""

    name: str
    role: Role
    component: str | None
    size: int
    align: int
    whole: bool = False


def blocks_of(system: System) -> tuple[Block, ...]:
    """Every block of ``system``, sorted by name. ``BadInput`` for a pin that no block can follow."""
    pieces = {component.name: tuple(_pieces(system, component)) for component in system.components}
    blocks = [
        *_shared_code(system, pieces),
        *_runtime(system),
        *_shares(system),
        *(block for partition in system.partitions for block in _own(system, partition, pieces)),
    ]
    return _pinned(system, tuple(sorted(blocks, key=lambda block: block.name)))


def memories_of(system: System, component: Component, kind: Kind) -> tuple[str, ...]:
    """The memories that may hold ``kind`` of ``component``, preferred first."""
    if named := component.memory.get(kind):
        return tuple(named)
    wanted, kernel = ("ram", system.kernel.data_memory) if kind is Kind.DATA else ("flash", system.kernel.code_memory)
    return (wanted,) if any(memory.name == wanted for memory in system.target.memories) else (kernel,)


def stack_align(system: System) -> int:
    """Alignment of a stack, in bytes: AAPCS wants 8 at a public interface, the RISC-V calling convention 16."""
    return 16 if system.target.unit is UnitName.PMP else 8


def load_images(system: System, blocks: Iterable[Block]) -> int:
    """Bytes of the kernel's flash for the contents of every block that is in RAM, or may be by its list of memories."""
    ram = {memory.name for memory in system.target.memories if Access.WRITE in memory.access}
    return sum(block.load_image for block in blocks if ram.intersection(block.memories))


def _pieces(system: System, component: Component) -> Iterator[_Piece]:
    """The parts of one component, in the order of :class:`Role`, empty ones left out."""
    measured = _measured(component)
    host = Role.TEXT if Role.TEXT in measured else Role.DATA
    if component.slack:
        size, align = measured.get(host, (0, ESTIMATE_ALIGN))
        measured[host] = (size + component.slack, align)
    for role, extra in ((Role.LINEAR_MEMORY, component.linear_memory), (Role.HEAP, component.heap)):
        if extra:
            size, align = measured.get(role, (0, 1))
            grid = max(align, stack_align(system))
            measured[role] = (align_up(size, grid) + extra, grid)
    stacks = [task for task in system.tasks if task.component == component.name]
    for role in _ROLE_ORDER:
        if role is Role.STACK:
            grid = stack_align(system)
            for task in stacks:
                yield _Piece(f"{task.name}.stack", role, component.name, task.stack, grid, whole=True)
        elif role in measured:
            size, align = measured[role]
            yield _Piece(f"{component.name}.{role}", role, component.name, size, align)


def _measured(component: Component) -> dict[Role, tuple[int, int]]:
    """Size and alignment by role, as a linker lays the input sections of a role out, in order."""
    if not component.sections:
        return {role: (size, ESTIMATE_ALIGN) for role, size in (component.sizes or {}).items() if size}
    extents: dict[Role, tuple[int, int]] = {}
    for section in component.sections:
        end, align = extents.get(section.role, (0, 1))
        extents[section.role] = (align_up(end, section.align) + section.size, max(align, section.align))
    return {role: extent for role, extent in extents.items() if extent[0]}


def _own(system: System, partition: Partition, pieces: Mapping[str, tuple[_Piece, ...]]) -> Iterator[Block]:
    """The partition's own blocks: private code, read-only data, data, one of each kind per list of memories."""
    groups: dict[tuple[Kind, tuple[str, ...]], list[_Piece]] = {}
    for name in sorted(partition.components):
        component = system.component(name)
        homes = {kind: memories_of(system, component, kind) for kind in (Kind.CODE, Kind.RODATA, Kind.DATA)}
        # Constants named into another memory than the code cannot share its region.
        with_code = partition.code_private and not partition.rodata_separate and homes[Kind.CODE] == homes[Kind.RODATA]
        for piece in pieces[name]:
            kind = Kind.DATA
            if piece.role is Role.TEXT:
                kind = Kind.CODE
            elif piece.role is Role.RODATA:
                kind = Kind.CODE if with_code else Kind.RODATA
            if kind is Kind.CODE and not partition.code_private:
                continue
            groups.setdefault((kind, homes[kind]), []).append(piece)
    rights = {Kind.CODE: Access.RX, Kind.RODATA: Access.R, Kind.DATA: Access.RW}
    kinds = [kind for kind, _ in groups]
    for (kind, memories), members in groups.items():
        suffix = "." + "-".join(memories) if kinds.count(kind) > 1 else ""
        yield _block(
            f"{partition.name}.{kind}{suffix}",
            partition.name,
            kind,
            memories,
            members,
            {partition.name: rights[kind]},
            split=partition.split,
        )


def _shared_code(system: System, pieces: Mapping[str, tuple[_Piece, ...]]) -> Iterator[Block]:
    """One block of the text of all partitions that share their code; one per list of memories they name."""
    groups: dict[tuple[str, ...], list[tuple[Partition, _Piece]]] = {}
    for partition in system.partitions:
        if not partition.code_private:
            for name in partition.components:
                home = memories_of(system, system.component(name), Kind.CODE)
                texts = [(partition, piece) for piece in pieces[name] if piece.role is Role.TEXT]
                groups.setdefault(home, []).extend(texts)
    filled = {memories: members for memories, members in groups.items() if members}
    for memories, members in filled.items():
        suffix = "." + "-".join(memories) if len(filled) > 1 else ""
        yield _block(
            f"shared:code{suffix}",
            "shared:code",
            Kind.CODE,
            memories,
            sorted((piece for _, piece in members), key=lambda piece: piece.name),
            {partition.name: Access.RX for partition, _ in sorted(members, key=lambda member: member[0].name)},
            split=all(partition.split for partition, _ in members),
        )


def _runtime(system: System) -> Iterator[Block]:
    """The stateless runtime, executable by every partition."""
    if system.runtime is None:
        return
    members = [piece for piece in _pieces(system, system.runtime) if piece.role in (Role.TEXT, Role.RODATA)]
    if members:
        rights = {partition.name: Access.RX for partition in sorted(system.partitions, key=lambda p: p.name)}
        memories = memories_of(system, system.runtime, Kind.CODE)
        yield _block("runtime", "runtime", Kind.CODE, memories, members, rights, split=True)


def _shares(system: System) -> Iterator[Block]:
    """One block per share. It is one buffer, so no region boundary may cut it."""
    for share in system.shares:
        piece = _Piece(f"shared.{share.name}", Role.SHARE, None, share.size, ESTIMATE_ALIGN, whole=True)
        rights = {name: share.access[name] for name in sorted(share.access)}
        owner = f"shared:{share.name}"
        yield _block(owner, owner, Kind.SHARED, (share.memory,), [piece], rights, split=True)


def _block(
    name: str,
    partition: str,
    kind: Kind,
    memories: tuple[str, ...],
    pieces: Iterable[_Piece],
    granted_to: Mapping[str, Access],
    *,
    split: bool,
) -> Block:
    """Lay ``pieces`` out upward: by role, stacks by their tasks' names, the rest by their components'."""
    parts: list[Part] = []
    end = 0
    for piece in sorted(pieces, key=lambda piece: (_ROLE_ORDER.index(piece.role), piece.name)):
        offset = align_up(end, piece.align)
        end = offset + piece.size
        parts.append(
            Part(
                name=piece.name,
                role=piece.role,
                component=piece.component,
                offset=offset,
                size=piece.size,
                align=piece.align,
                whole=piece.whole,
            )
        )
    return Block(
        name=name,
        partition=partition,
        kind=kind,
        memories=memories,
        size=end,
        align=max(part.align for part in parts),
        parts=tuple(parts),
        granted_to=granted_to,
        split=split,
    )


def _pinned(system: System, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks with the manifest's pins on them."""
    pins: dict[str, int] = {}
    faults: list[Fault] = []
    for partition in system.partitions:
        for kind, address in partition.pin.items():
            own = [block for block in blocks if block.partition == partition.name and block.kind is kind]
            inside = [
                block
                for block in own
                if any(address in m.range for m in system.target.memories if m.name in block.memories)
            ]
            if chosen := (inside or own)[:1]:
                pins[chosen[0].name] = address
            else:
                faults.append(
                    Fault(
                        code="pin-nothing",
                        message=f"partition `{partition.name}` pins its {kind}, but has no {kind} block of its own",
                        where=system.location(f"partition.{partition.name}.pin.{kind}"),
                        hint='remove the pin, or give the partition code = "private"'
                        if kind is Kind.CODE and not partition.code_private
                        else "remove the pin",
                    )
                )
    if faults:
        raise BadInput(faults)
    return tuple(replace(block, pin=pins[block.name]) if block.name in pins else block for block in blocks)
