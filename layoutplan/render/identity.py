"""The number by which a script, a table and a linked image are recognised as one set."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from layoutplan.address import AddressRange
from layoutplan.model.component import System
from layoutplan.model.plan import Plan


def plan_hash(system: System, plan: Plan) -> int:
    """64 bits over everything that the linked image depends on; never zero, which is what erased memory may read as.

    Paths, the manifest's order and the tool's version are left out: they do not change what runs.
    """
    text = json.dumps(_canonical(system, plan), sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") or 1


def _range(piece: AddressRange) -> list[int]:
    return [piece.base, piece.end]


def _canonical(system: System, plan: Plan) -> dict[str, Any]:
    software = {name: [bounds.base, bounds.size, bounds.mask] for name, bounds in plan.software.items()}
    return {
        **({"software": software} if software else {}),
        "unit": plan.unit,
        "isolation": sorted(plan.isolation),
        "memories": {memory.name: [*_range(memory.range), memory.access] for memory in system.target.memories},
        "kernel": [system.kernel.stack, system.kernel.code_memory, system.kernel.data_memory],
        "reserves": sorted([reserve.memory, *_range(reserve.range)] for reserve in system.reserves),
        "blocks": {
            placement.block.name: {
                "memory": placement.memory,
                "granted": _range(placement.granted),
                "cover": [_range(piece) for piece in placement.cover],
                "access": {name: int(access) for name, access in placement.block.granted_to.items()},
                "parts": [[part.name, part.role, part.offset, part.size] for part in placement.block.parts],
            }
            for placement in plan.placements
        },
        "sections": {
            component.name: [[section.name, section.role, section.size] for section in component.sections]
            for component in system.components
        },
        "peripherals": sorted(
            [grant.name, grant.partition, [_range(piece) for piece in grant.cover]] for grant in plan.peripherals
        ),
        "tasks": {task.name: [task.component, task.partition, task.entry, task.stack] for task in system.tasks},
        "interrupts": {component.name: list(component.interrupts) for component in system.components},
        "slots": [
            plan.slots.first_static,
            plan.slots.static,
            plan.slots.first_dynamic,
            plan.slots.dynamic,
            plan.slots.first_reserved,
            plan.slots.reserved,
        ],
        "registers": {
            name: [[slot.index, *slot.words] for slot in registers] for name, registers in plan.registers.items()
        },
    }
