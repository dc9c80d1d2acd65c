"""What the manifest may say and the tool cannot do yet: refused, never ignored. One row per promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable
from layoutplan.model.memory import Target

Uses = Callable[[ManifestTable, Target], bool]

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
