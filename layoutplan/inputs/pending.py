"""What the manifest may say and the tool cannot do yet: refused, never ignored. One row per promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import UNSET

from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable
from layoutplan.model.access import UnitName
from layoutplan.model.memory import Target

Uses = Callable[[ManifestTable, Target], bool]

UNITS: frozenset[UnitName] = frozenset({UnitName.ARMV6M, UnitName.ARMV7M, UnitName.NONE})
"""The protection units that plans can be made for."""

NOT_YET: Mapping[KeyPath, tuple[str, Uses]] = {
    ("isolation",): (
        'isolation = "software"',
        lambda manifest, _: manifest.isolation == "software" or "software" in manifest.isolation,
    ),
    ("kernel", "background"): (
        'background = "none"',
        lambda manifest, _: manifest.kernel.background == "none",
    ),
}


def refuse_pending(manifest: ManifestTable, target: Target, faults: Faults) -> None:
    """One fault for each thing that is asked and does not work yet."""
    for path, (what, uses) in NOT_YET.items():
        if uses(manifest, target):
            faults.add("not-yet", path, f"not supported yet: {what}")
    if target.unit not in UNITS:
        at: KeyPath = ("target", "chip" if manifest.target.unit is UNSET else "unit")
        faults.add("not-yet", at, f'not supported yet: the protection unit "{target.unit}"')
