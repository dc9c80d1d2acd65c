"""Reads ``layout.toml``: TOML, then its shape, then what it names, each step telling all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import UNSET

from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.crosscheck import cross_check
from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import Locations
from layoutplan.inputs.paths import Paths
from layoutplan.inputs.schema import ManifestTable, manifest_schema
from layoutplan.inputs.shape import SCHEMA_HINT, check_shape, parse_toml
from layoutplan.inputs.svd import NONE as NO_SVD
from layoutplan.inputs.svd import Svd, read_svd
from layoutplan.inputs.system import build_system
from layoutplan.inputs.target import read_target
from layoutplan.model.component import System


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRead:
    """The system, the environment variables that it used with their values, and the files that were read."""

    system: System
    environ: Mapping[str, str]
    files: tuple[Path, ...]


def read_manifest(path: Path, environ: Mapping[str, str]) -> ManifestRead:
    """The system that the manifest describes, not measured yet. ``BadInput`` has every fault of the first bad step."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "`layoutplan init` writes a first one"
        raise BadInput(
            [Fault(code="no-manifest", message=f"cannot read: {reason}", where=str(path), hint=hint)]
        ) from None
    return read_manifest_bytes(data, path, environ)


def read_manifest_bytes(data: bytes, path: Path, environ: Mapping[str, str]) -> ManifestRead:
    """As ``read_manifest``, from the bytes of the manifest at ``path``."""
    tables = parse_toml(data, path.name)
    locations = Locations(path.name, data.decode("utf-8-sig"))
    faults = Faults(locations)
    check_shape(tables, manifest_schema(), faults)
    faults.raise_any()
    try:
        manifest = msgspec.convert(tables, ManifestTable)
    except msgspec.ValidationError as error:
        # The schema is made of the same structs, so nothing is known to come here; a wrong shape stays bad input.
        raise BadInput([Fault(code="bad-value", message=str(error), where=path.name, hint=SCHEMA_HINT)]) from None
    target, chip = read_target(manifest, faults)
    if not target.memories:
        faults.raise_any()  # every further fault would only say that there is no memory
    paths = Paths(path.parent, environ, faults)
    svd = _svd(manifest, paths, faults)
    system = build_system(manifest, path, target, chip, svd, paths, locations, faults)
    cross_check(system, manifest, chip, svd, faults)
    faults.raise_any()
    return ManifestRead(system=system, environ=dict(sorted(paths.used.items())), files=(path, *paths.svd))


def _svd(manifest: ManifestTable, paths: Paths, faults: Faults) -> Svd:
    written = manifest.target.svd
    if written is UNSET:
        return NO_SVD
    path = paths.resolve(written, ("target", "svd"))
    if path is None:
        return NO_SVD
    paths.svd = (path,)
    try:
        return read_svd(path)
    except BadInput as error:
        faults.extend(error.faults)
        return NO_SVD
