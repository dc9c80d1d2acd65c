"""Floor 3: the protection units, each as data plus legal covers and their encoding."""

from __future__ import annotations

import itertools

from layoutplan.model.access import UnitName
from layoutplan.model.memory import Target
from layoutplan.protection.armv7m import ARMV6M, ARMV7M
from layoutplan.protection.armv8m import ARMV8M
from layoutplan.protection.none import NoUnit
from layoutplan.protection.pmp import Pmp
from layoutplan.protection.unit import ProtectionUnit

BANK = 4
"""Slots that one ``MPU_RNR`` reaches on ARMv8-M, through the aliases; entries in one ``pmpcfg`` word of RV32."""


def unit_for(target: Target) -> ProtectionUnit:
    """The unit of ``target``; callers that plan without isolation ask with ``target.unit`` replaced by none."""
    match target.unit:
        case UnitName.ARMV6M:
            return ARMV6M
        case UnitName.ARMV7M:
            return ARMV7M
        case UnitName.ARMV8M:
            return ARMV8M
        case UnitName.PMP:
            return Pmp(target.pmp)
        case UnitName.NONE:
            return NoUnit()


def switch_stores(unit: ProtectionUnit, dynamic_slots: int) -> int:
    """Stores to the unit's registers on a switch that rewrites ``dynamic_slots`` slots.

    On Arm, ``MPU_CTRL`` off and on and a pair for each slot; ARMv8-M has no VALID and REGION in ``MPU_RBAR``, so
    each bank of four needs ``MPU_RNR`` too, and dynamic slots begin at slot 0 there. On PMP a ``pmpaddr`` for each
    slot and every ``pmpcfg`` word that holds one, from the first entry that is not hard-wired.
    """
    if dynamic_slots == 0:
        return 0
    match unit:
        case NoUnit():
            return 0
        case Pmp():
            first = first_programmable(unit)
            return dynamic_slots + (first + dynamic_slots - 1) // BANK - first // BANK + 1
    banks = -(-dynamic_slots // BANK) if unit.name is UnitName.ARMV8M else 0
    return 2 * dynamic_slots + 2 + banks


def first_programmable(unit: Pmp) -> int:
    """The lowest entry that is not hard-wired."""
    hardwired = {entry.index for entry in unit.traits.fixed if entry.hardwired}
    return next(index for index in itertools.count() if index not in hardwired)
