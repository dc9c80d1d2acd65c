"""Floor 4: the manifest, component objects, the chip catalogue and the lock, decoded into the model."""

from layoutplan.inputs.chips.catalogue import Chip, chips
from layoutplan.inputs.linked import measure_linked
from layoutplan.inputs.lock import read_lock
from layoutplan.inputs.manifest import ManifestRead, read_manifest
from layoutplan.inputs.measure import measure
from layoutplan.inputs.naming import RESERVED
from layoutplan.inputs.schema import manifest_schema

__all__ = [
    "RESERVED",
    "Chip",
    "ManifestRead",
    "chips",
    "manifest_schema",
    "measure",
    "measure_linked",
    "read_lock",
    "read_manifest",
]
