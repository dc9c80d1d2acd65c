"""The one document that every report is written from."""

from __future__ import annotations

import math
from collections.abc import Mapping

from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.evidence import Verdict
from layoutplan.model.memory import Memory
from layoutplan.model.plan import Advice, Infeasible, Outcome, OutOfEffort, Placement, Plan, Solved
from layoutplan.protection import switch_stores, unit_for
from layoutplan.report.accounting import MemoryAccount, account, block_shares
from layoutplan.report.answers import Entry, advised, notes, proof, range_entry, reasons
from layoutplan.report.registers import WORD_NAMES, matches


def document(
    system: System, outcome: Outcome, verdict: Verdict | None, advice: tuple[Advice, ...] | None = None
) -> Entry:
    """The report on ``outcome`` as one JSON object.

    ``verdict`` is ``None`` where there was no plan to check, ``advice`` where nobody asked for any.
    """
    head: Entry = {
        "version": 1,
        "manifest": system.manifest.name,
        "isolation": sorted(map(str, system.isolation)) or ["none"],
        "unit": str(system.unit),
        "target": _target(system),
        "feasible": {Solved: True, Infeasible: False, OutOfEffort: None}[type(outcome)],
    }
    body = _solved(system, outcome.plan) if isinstance(outcome, Solved) else _nothing_placed()
    tail = {"proof": proof(verdict), **reasons(outcome), "advice": advised(advice), "notes": notes(system, body)}
    return head | body | tail


def _target(system: System) -> Entry:
    target = system.target
    return {
        "chip": target.chip,
        "unit": str(target.unit),
        "slots": target.slots,
        "verified": target.verified,
    }


def _nothing_placed() -> Entry:
    lists: Entry = {
        key: []
        for key in ("blocks", "components", "shares", "tasks", "memories", "reserves", "peripherals", "registers")
    }
    nothing = ("switch", "slots", "cost_vs_none", "objective")
    return lists | dict.fromkeys(nothing) | {"software": {}}


def _solved(system: System, plan: Plan) -> Entry:
    accounts = {memory.name: account(system, plan, memory) for memory in system.target.memories}
    stores = _stores(system, plan)
    registers = _registers(system, plan)
    return {
        "blocks": [_block(plan, placement) for placement in _by_address(plan)],
        "components": _components(system, plan),
        "shares": _shares(system, plan),
        "tasks": _tasks(system, plan),
        "memories": [_memory(memory, accounts[memory.name], plan) for memory in system.target.memories],
        "reserves": [
            {"memory": reserve.memory, **range_entry(reserve.range.base, reserve.range.end)}
            for reserve in sorted(system.reserves, key=lambda reserve: reserve.range)
        ],
        "peripherals": _peripherals(plan),
        "switch": {"stores": stores, "dynamic_slots": plan.slots.dynamic},
        "slots": _slots(plan),
        "cost_vs_none": _cost(system, accounts, stores),
        "registers": registers,
        "objective": _objective(plan),
        "software": {
            name: {"base": bounds.base, "size": bounds.size, "mask": bounds.mask}
            for name, bounds in sorted(plan.software.items())
        },
    }


def _by_address(plan: Plan) -> list[Placement]:
    return sorted(plan.placements, key=lambda p: (p.granted.base, p.block.name))


def _block(plan: Plan, placement: Placement) -> Entry:
    block = placement.block
    rights = {name: access.letters for name, access in sorted(block.granted_to.items())}
    widest = Access.NONE
    for access in block.granted_to.values():
        widest |= access
    return {
        "name": block.name,
        "partition": block.partition,
        "memory": placement.memory,
        "kind": str(block.kind),
        "base": placement.granted.base,
        "used": block.size,
        "granted": placement.granted.size,
        "padding": placement.padding,
        "slots": _slots_of(plan, block.name),
        "access": widest.letters,
        "granted_to": list(rights),
        "rights": rights,
        "align": block.align,
        "pinned": block.pin is not None,
        "cover": [range_entry(piece.base, piece.end) for piece in placement.cover],
        "denied": [range_entry(piece.base, piece.end) for piece in placement.denied],
        "parts": [
            {
                "name": part.name,
                "role": str(part.role),
                "component": part.component,
                "base": placement.granted.base + part.offset,
                "size": part.size,
            }
            for part in sorted(block.parts, key=lambda part: (part.offset, part.name))
        ],
    }


def _slots_of(plan: Plan, owner: str) -> int:
    """Hardware slots that match the owner's bytes while one partition runs: the most that any partition spends."""
    return max((sum(owner in slot.owners for slot in slots) for slots in plan.registers.values()), default=0)


def _components(system: System, plan: Plan) -> list[Entry]:
    """One entry per component and memory, with the blocks that it is in."""
    everyone = system.components if system.runtime is None else (*system.components, system.runtime)
    known = {component.name: component for component in everyone}
    parts: dict[tuple[str, str], list[Entry]] = {}
    for placement in _by_address(plan):
        named = {part.component for part in placement.block.parts}
        for share in block_shares(placement):
            if share.owner in named:
                entry = {"block": placement.block.name, "used": share.used, "padding": share.padding}
                parts.setdefault((share.owner, placement.memory), []).append(entry)
    return [
        {
            "name": name,
            "partition": known[name].partition,
            "trust": str(known[name].trust),
            "memory": memory,
            "used": sum(entry["used"] for entry in blocks),
            "padding": sum(entry["padding"] for entry in blocks),
            "blocks": blocks,
        }
        for (name, memory), blocks in sorted(parts.items())
    ]


def _shares(system: System, plan: Plan) -> list[Entry]:
    placed = {placement.block.partition: placement for placement in plan.placements}
    return [
        {
            "name": share.name,
            "memory": placed[owner].memory,
            "base": placed[owner].granted.base,
            "used": placed[owner].block.size,
            "padding": placed[owner].padding,
            "rights": {name: access.letters for name, access in sorted(share.access.items())},
        }
        for share in sorted(system.shares, key=lambda share: share.name)
        if (owner := f"shared:{share.name}") in placed
    ]


def _tasks(system: System, plan: Plan) -> list[Entry]:
    stacks = {
        part.name: (placement, placement.granted.base + part.offset)
        for placement in plan.placements
        for part in placement.block.parts
        if part.role is Role.STACK
    }
    entries = []
    for task in sorted(system.tasks, key=lambda task: task.name):
        placement, base = stacks[f"{task.name}.stack"]
        entries.append(
            {
                "name": task.name,
                "component": task.component,
                "partition": task.partition,
                "entry": task.entry,
                "block": placement.block.name,
                "base": base,
                "stack": task.stack,
                "overflow_faults": _overflow_faults(plan, task.partition, base),
            }
        )
    return entries


def _overflow_faults(plan: Plan, partition: str, stack_base: int) -> bool:
    """Whether the byte below the stack is one that the partition may not write: without PSPLIM the only guard."""
    if plan.unit is UnitName.NONE:
        return False
    below = stack_base - 1
    writable = (
        placement.granted
        for placement in plan.placements
        if Access.WRITE in placement.block.granted_to.get(partition, Access.NONE)
    )
    return not any(below in granted for granted in writable)


def _memory(memory: Memory, bytes_: MemoryAccount, plan: Plan) -> Entry:
    return {
        "name": memory.name,
        "origin": memory.range.base,
        "length": memory.range.size,
        "used": bytes_.used,
        "kernel": bytes_.kernel,
        "load_images": bytes_.load_images,
        "padding": bytes_.padding,
        "gap": bytes_.gap,
        "reserved": bytes_.reserved,
        "free": bytes_.free,
        "span": bytes_.span,
        "waste": round(bytes_.wasted / bytes_.span, 6) if bytes_.span else 0.0,
        "bound": _bound(memory.name, bytes_, plan),
    }


def _bound(memory: str, bytes_: MemoryAccount, plan: Plan) -> Entry:
    """What is proved about this memory's waste, the other memories' waste being what it is.

    The proof is about the weighted sum over all memories: what it leaves open, in bytes of this memory alone, is the
    most that could still be saved here.
    """
    objective = plan.objective
    weight = objective.weights.get(memory, 0)
    if objective.optimal:
        open_bytes = 0
    elif weight > 0:
        open_bytes = min(bytes_.wasted, math.ceil((objective.value - objective.bound) / weight - 1e-9))
    else:
        open_bytes = bytes_.wasted
    return {"waste": bytes_.wasted - open_bytes, "proved_gap": open_bytes}


def _objective(plan: Plan) -> Entry:
    objective = plan.objective
    return {
        "weights": dict(sorted(objective.weights.items())),
        "value": objective.value,
        "bound": objective.bound,
        "optimal": objective.optimal,
    }


def _peripherals(plan: Plan) -> list[Entry]:
    return [
        {
            "name": grant.name,
            "partition": grant.partition,
            "base": grant.range.base,
            "size": grant.range.size,
            "excess": grant.excess,
            "slots": sum(grant.name in slot.owners for slot in plan.registers.get(grant.partition, ())),
            "cover": [range_entry(piece.base, piece.end) for piece in grant.cover],
        }
        for grant in sorted(plan.peripherals, key=lambda grant: (grant.partition, grant.range.base, grant.name))
    ]


def _stores(system: System, plan: Plan) -> int:
    return 0 if plan.unit is UnitName.NONE else switch_stores(unit_for(system.target), plan.slots.dynamic)


def _slots(plan: Plan) -> Entry:
    slots = plan.slots
    return {
        "first_static": slots.first_static,
        "static": slots.static,
        "first_dynamic": slots.first_dynamic,
        "dynamic": slots.dynamic,
        "first_reserved": slots.first_reserved,
        "reserved": slots.reserved,
    }


def _cost(system: System, accounts: Mapping[str, MemoryAccount], stores: int) -> Entry:
    """Against the same blocks packed tightly. Instructions are the TCB's: zero when off, else not known here."""
    isolated = system.unit is not UnitName.NONE
    return {
        "bytes": {name: bytes_.wasted - bytes_.tight_gap if isolated else 0 for name, bytes_ in accounts.items()},
        "stores": stores,
        "instructions": None if isolated else 0,
    }


def _registers(system: System, plan: Plan) -> list[Entry]:
    names = WORD_NAMES.get(plan.unit)
    if names is None:
        return []
    entries = []
    for partition, slots in sorted(plan.registers.items()):
        matched = matches(plan.unit, slots, swapped_rx=system.target.pmp.swapped_rx, smepmp=system.smepmp)
        for slot, (ranges, access) in zip(slots, matched, strict=True):
            entries.append(
                {
                    "partition": partition,
                    "slot": slot.index,
                    "words": dict(zip(names, slot.words, strict=True)),
                    "owner": slot.owner,
                    "static": slot.static,
                    "reserved": slot.reserved,
                    "matches": [range_entry(piece.base, piece.end) for piece in ranges],
                    "access": access.letters,
                }
            )
    return entries
