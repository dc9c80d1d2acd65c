"""What the manifest may say and the tool cannot do yet: refused, never ignored. One row per promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable, PmpTable

Uses = Callable[[ManifestTable], bool]

NOT_YET: Mapping[KeyPath, tuple[str, Uses]] = {
    ("target", "pmp", "smepmp"): (
        "Smepmp",
        lambda manifest: isinstance(manifest.target.pmp, PmpTable) and manifest.target.pmp.smepmp is True,
    ),
}


def refuse_pending(manifest: ManifestTable, faults: Faults) -> None:
    """One fault for each thing that is asked and does not work yet."""
    for path, (what, uses) in NOT_YET.items():
        if uses(manifest):
            faults.add("not-yet", path, f"not supported yet: {what}", f"leave `{path[-1]}` out")
