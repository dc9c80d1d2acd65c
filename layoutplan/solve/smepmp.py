"""Smepmp: the kernel's own PMP entries, without which M-mode reaches nothing (``mseccfg.MML`` and ``MMWP``).

Locked, in the first slots: what stands first decides, so that no word that a switch writes later opens the kernel's
memory, and none of the configuration registers that a switch writes holds an executable entry of M-mode, which MML
lets nobody add (RISC-V Privileged Architecture, Smepmp 1.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from layoutplan.address import AddressRange, subtract
from layoutplan.model.access import Access
from layoutplan.model.component import System
from layoutplan.model.plan import Placement, Region
from layoutplan.protection.pmp import Pmp


def kernel_regions(system: System, placements: Sequence[Placement]) -> tuple[Region, ...]:
    """Code (read and execute), then data and devices (read and write). What is reserved is not the kernel's."""
    lowest = {
        name: min(
            (p.granted.base for p in placements if p.memory == name), default=system.target.memory(name).range.end
        )
        for name in (system.kernel.code_memory, system.kernel.data_memory)
    }
    return tuple(_regions(system, lowest))


def kernel_slots(system: System) -> int:
    """Slots that :func:`kernel_regions` take at most, wherever blocks are placed: two for each run of its memory."""
    pmp = Pmp(system.target.pmp)
    runs = (piece for name in (system.kernel.code_memory, system.kernel.data_memory) for piece in _runs(system, name))
    return 2 * sum(1 for _ in runs) + sum(pmp.cost(_cover(pmp, range_)) for _, range_ in _devices(system))


def _regions(system: System, lowest: dict[str, int]) -> Iterable[Region]:
    pmp = Pmp(system.target.pmp)
    wanted = [
        (f"kernel {what}", AddressRange(run.base, min(run.end, lowest[name])), access)
        for what, name, access in (
            ("code", system.kernel.code_memory, Access.RX),
            ("data", system.kernel.data_memory, Access.RW),
        )
        for run in _runs(system, name)
        if run.base < lowest[name]
    ]
    wanted += [(f"kernel peripheral {name}", range_, Access.RW) for name, range_ in _devices(system)]
    for owner, range_, access in wanted:
        for piece in _cover(pmp, range_):
            yield Region(owner=owner, ranges=(piece,), access=Access.NONE, words=pmp.encode_privileged(piece, access))


def _runs(system: System, memory: str) -> tuple[AddressRange, ...]:
    """What of a memory could be the kernel's."""
    reserved = [reserve.range for reserve in system.reserves if reserve.memory == memory]
    return tuple(subtract(system.target.memory(memory).range, reserved))


def _devices(system: System) -> Iterable[tuple[str, AddressRange]]:
    ranges = {p.name: p.range for p in (*system.target.peripherals, *system.peripherals)}
    return [(name, ranges[name]) for name in system.kernel.peripherals]


def _cover(pmp: Pmp, range_: AddressRange) -> tuple[AddressRange, ...]:
    cover = pmp.cover(range_)
    assert cover is not None, "the manifest was refused where edges are not on the grain"
    return cover
