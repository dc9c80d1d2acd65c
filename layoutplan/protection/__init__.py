"""Floor 3: the protection units, each as data plus legal covers and their encoding."""

from __future__ import annotations

from layoutplan.model.access import UnitName
from layoutplan.model.memory import Target
from layoutplan.protection.armv7m import ARMV6M, ARMV7M
from layoutplan.protection.none import NoUnit
from layoutplan.protection.unit import ProtectionUnit


def unit_for(target: Target) -> ProtectionUnit:
    """The unit of ``target``; callers that plan without isolation ask with ``target.unit`` replaced by none."""
    match target.unit:
        case UnitName.ARMV6M:
            return ARMV6M
        case UnitName.ARMV7M:
            return ARMV7M
        case UnitName.NONE:
            return NoUnit()
    raise NotImplementedError(target.unit)


def switch_stores(unit: ProtectionUnit, dynamic_slots: int) -> int:
    """Stores to the unit's registers on a switch that rewrites ``dynamic_slots`` slots.

    On Arm ``MPU_CTRL`` off and on around a pair for each slot: VALID and REGION in ``MPU_RBAR`` save ``MPU_RNR``.
    """
    if dynamic_slots == 0 or unit.name is UnitName.NONE:
        return 0
    return 2 * dynamic_slots + 2
