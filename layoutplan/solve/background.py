"""The kernel's own static regions, where it has no background map: ``background = "none"``, and Smepmp.

With PRIVDEFENA clear there are two. Both have the lowest priority and give unprivileged code nothing, so that
partitions' regions stand above them. One covers the kernel's code memory (privileged read and execute), one its data
memory (privileged read and write).
"""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Placement, Region
from layoutplan.protection import unit_for
from layoutplan.protection.armv7m import Pmsav7
from layoutplan.solve.smepmp import kernel_regions, kernel_slots


def background_slots(system: System) -> int:
    """Slots that :func:`background_regions` take of every partition, wherever blocks are placed."""
    return kernel_slots(system) if system.smepmp else len(background_regions(system, ()))


def background_regions(system: System, placements: Sequence[Placement]) -> tuple[Region, ...]:
    """The kernel's regions, code first; none where it has its map. ``BadInput`` for a memory that none holds."""
    if system.smepmp:
        return kernel_regions(system, placements)
    if system.kernel.background or system.unit is UnitName.NONE:
        return ()
    unit = unit_for(system.target)
    if not isinstance(unit, Pmsav7):
        raise _refused(system, f"the {unit.name} has no such regions")
    found: list[Region] = []
    for what, name in (("code", system.kernel.code_memory), ("data", system.kernel.data_memory)):
        memory = system.target.memory(name)
        # Where subregions cannot end with the memory, the region goes on: for privileged code only.
        whole = unit.enclosing(memory.range, 1)
        if whole is None:
            raise _refused(system, f"no region holds `{name}`")
        words = unit.encode_privileged(whole, execute=what == "code", type=memory.type, shareable=memory.shareable)
        found.append(Region(owner=f"kernel {what}", ranges=(whole,), access=Access.NONE, words=words))
    return tuple(found)


def _refused(system: System, text: str) -> BadInput:
    where = system.location("kernel.background")
    hint = "leave `background` out: privileged code then has the default memory map"
    return BadInput([Fault(code="background", message=f'background = "none": {text}', where=where, hint=hint)])
