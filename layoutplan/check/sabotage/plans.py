"""Good plans broken one way each, with the rule that must say so.

``alone`` marks the mutant that shows a rule is needed: no other rule notices it. The others are defects that other
systems had, and attacks on the checker itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from layoutplan.address import AddressRange
from layoutplan.check.sabotage import reference
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Placement, Plan, Slot, Words

Broken = tuple[System, Plan]
ARM7 = (UnitName.ARMV6M, UnitName.ARMV7M)
ARM8 = (UnitName.ARMV8M,)
ARM = (*ARM7, *ARM8)
PMP = (UnitName.PMP,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One way to break a good plan.

    The finding overlaps ``touching``: a range or a block of the good plan; without, it has no address.
    """

    name: str
    rule: str
    breaks: Callable[[System, Plan], Broken]
    partition: str = ""
    units: tuple[UnitName, ...] = reference.UNITS
    touching: AddressRange | str | None = None
    alone: bool = False


def rewritten(plan: Plan, partition: str, owner: str | int, change: Callable[[Words], Words]) -> Plan:
    """The plan with one slot of one partition changed, named by its index or by whom it is for."""
    registers: dict[str, tuple[Slot, ...]] = dict(plan.registers)
    registers[partition] = tuple(
        replace(slot, words=change(slot.words)) if owner in (slot.owner, slot.index) else slot
        for slot in plan.registers[partition]
    )
    return replace(plan, registers=registers)


def replaced(plan: Plan, block: str, change: Callable[[Placement], Placement]) -> Plan:
    """The plan with one placement changed."""
    return replace(plan, placements=tuple(change(p) if p.block.name == block else p for p in plan.placements))


def free_slot(plan: Plan) -> int:
    """The last dynamic slot, which no partition of the reference uses."""
    return plan.slots.first_dynamic + plan.slots.dynamic - 1


def regranted(plan: Plan, block: str, granted: AddressRange) -> Plan:
    """Everything in the plan that speaks of a block's region says ``granted``."""

    def moved(placement: Placement) -> Placement:
        return replace(placement, granted=granted, cover=(granted,))

    placement = plan.placement(block)
    for partition, access in placement.block.granted_to.items():
        words = reference.encode(plan.unit, granted, access, placement.memory)
        plan = rewritten(plan, partition, block, lambda _, words=words: words)  # type: ignore[misc]  # one Words each
    return replaced(plan, block, moved)
