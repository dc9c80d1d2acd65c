"""``<stem>.safety-manifest.json`` beside an object: what its compiler says of memory and bounds checks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.schema import U32

SUFFIX = ".safety-manifest.json"


class SafetyManifest(Struct, frozen=True, kw_only=True):
    """The keys that matter here; others are the compiler's own. ``safety_bounds``: ``none``, ``software``, ``mask``."""

    linear_memory_bytes: Annotated[int, Meta(ge=0, le=U32)] = 0
    safety_bounds: str | None = None


def read_safety_manifests(objects: Iterable[Path]) -> tuple[SafetyManifest, ...]:
    """Those that exist beside ``objects``; ``BadInput`` for one that cannot be read."""
    found: list[SafetyManifest] = []
    faults: list[Fault] = []
    for path in objects:
        beside = path.with_suffix(SUFFIX)
        try:
            if beside.is_file():
                found.append(msgspec.json.decode(beside.read_bytes(), type=SafetyManifest))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(code="safety-manifest", message=str(error), where=str(beside)))
    if faults:
        raise BadInput(faults)
    return tuple(found)
