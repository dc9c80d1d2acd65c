"""What the manifest asks for, derived again from the :class:`System` alone: which parts must exist, whose, how large.

Nothing here reads a plan. The planner derives its blocks with other code; where the two disagree the check fails.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from layoutplan.address import align_up
from layoutplan.model.access import Access, Kind, Machine
from layoutplan.model.component import Component, Partition, Role, System

SHARED_CODE = "shared:code"
RUNTIME = "runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One run of bytes that must be placed: ``size`` bytes aligned to ``align`` in a block of ``owner`` and ``kind``.

    ``owner`` is a partition, ``shared:code``, ``shared:<share>`` or ``runtime``. ``key`` tells parts apart inside the
    system. ``memories`` are the memories the manifest allows; empty allows any that can hold the kind.
    """

    owner: str
    kind: Kind
    key: tuple[str, Role]
    size: int
    align: int
    memories: tuple[str, ...]
    whole: bool = False


def rights(system: System, owner: str, kind: Kind, components: Collection[str]) -> Mapping[str, Access]:
    """What the manifest gives each partition on a block of ``owner`` and ``kind`` that holds parts of ``components``.

    Shared code goes to the partitions whose code is in the block, and to no other.
    """
    if owner == SHARED_CODE:
        return {
            p.name: Access.RX
            for p in system.partitions
            if not p.code_private and any(name in components for name in p.components)
        }
    if owner == RUNTIME:
        return {p.name: Access.RX for p in system.partitions}
    if owner.startswith("shared:"):
        name = owner.removeprefix("shared:")
        return {p: a for share in system.shares if share.name == name for p, a in share.access.items() if a}
    if all(p.name != owner for p in system.partitions):
        return {}
    return {owner: {Kind.CODE: Access.RX, Kind.RODATA: Access.R, Kind.DATA: Access.RW, Kind.SHARED: Access.NONE}[kind]}


def laid_out(component: Component, role: Role) -> tuple[int, int]:
    """Size and alignment, in bytes, of a role's input sections as a linker lays them out in order."""
    if component.sizes is not None and not component.sections:
        return component.sizes.get(role, 0), 1
    end, alignment = 0, 1
    for section in component.sections:
        if section.role is role:
            end = align_up(end, max(section.align, 1)) + section.size
            alignment = max(alignment, section.align)
    return end, alignment


def wanted(system: System) -> tuple[Wanted, ...]:
    """Every part with at least one byte."""
    parts: list[Wanted] = []
    partitions = {p.name: p for p in system.partitions}
    for component in system.components:
        parts += _component(component, partitions[component.partition])
    if system.runtime is not None:
        for role in (Role.TEXT, Role.RODATA, Role.DATA, Role.BSS):
            size, align = _with_slack(system.runtime, role)
            kind = Kind.CODE if role in (Role.TEXT, Role.RODATA) else Kind.DATA
            parts.append(_part(RUNTIME, kind, system.runtime, role, size, align))
    for task in system.tasks:
        component = system.component(task.component)
        parts.append(
            Wanted(
                owner=task.partition,
                kind=Kind.DATA,
                key=(task.name, Role.STACK),
                size=task.stack,
                align=8 if system.target.machine is Machine.ARM else 16,
                memories=component.memory.get(Kind.DATA, ()),
                whole=True,
            )
        )
    for share in system.shares:
        parts.append(
            Wanted(
                owner=f"shared:{share.name}",
                kind=Kind.SHARED,
                key=(share.name, Role.SHARE),
                size=share.size,
                align=1,
                memories=(share.memory,),
                whole=True,
            )
        )
    return tuple(part for part in parts if part.size)


def load_image_bytes(system: System) -> int:
    """Bytes of the partitions' initialised data, which the kernel keeps in its code memory."""
    return sum(laid_out(component, Role.DATA)[0] for component in system.components)


def _component(component: Component, partition: Partition) -> Iterator[Wanted]:
    for role in (Role.TEXT, Role.RODATA, Role.DATA, Role.BSS, Role.LINEAR_MEMORY, Role.HEAP):
        size, align = _with_slack(component, role)
        owner, kind = _home(component, partition, role)
        yield _part(owner, kind, component, role, size, align)


def _home(component: Component, partition: Partition, role: Role) -> tuple[str, Kind]:
    match role:
        case Role.TEXT:
            return (partition.name if partition.code_private else SHARED_CODE), Kind.CODE
        case Role.RODATA:
            # Constants that the manifest puts into another memory than the code cannot be in its block.
            together = component.memory.get(Kind.CODE) == component.memory.get(Kind.RODATA)
            with_code = partition.code_private and not partition.rodata_separate and together
            return partition.name, Kind.CODE if with_code else Kind.RODATA
        case _:
            return partition.name, Kind.DATA


def _with_slack(component: Component, role: Role) -> tuple[int, int]:
    size, align = laid_out(component, role)
    if role is Role.LINEAR_MEMORY:
        size += component.linear_memory
    if role is Role.HEAP:
        size += component.heap
    has_text = laid_out(component, Role.TEXT)[0] > 0
    if role is (Role.TEXT if has_text else Role.DATA):
        size += component.slack
    return size, align


def _part(owner: str, kind: Kind, component: Component, role: Role, size: int, align: int) -> Wanted:
    return Wanted(
        owner=owner,
        kind=kind,
        key=(component.name, role),
        size=size,
        align=align,
        memories=component.memory.get(kind, ()),
    )
