"""``<stem>.safety-manifest.json`` beside an object: what its compiler says of memory and bounds checks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.schema import U32

SUFFIX = ".safety-manifest.json"


class SafetyManifest(Struct, frozen=True, kw_only=True):
    """The keys that matter here; others are the compiler's own. ``safety_bounds``: ``none``, ``software``, ``mask``."""

    linear_memory_bytes: int = 0
    safety_bounds: str | None = None


def read_safety_manifests(objects: Iterable[Path]) -> tuple[SafetyManifest, ...]:
    """Those that exist beside ``objects``; ``BadInput`` for one that cannot be read."""
    found: list[SafetyManifest] = []
    faults: list[Fault] = []
    for path in objects:
        beside = path.with_suffix(SUFFIX)
        try:
            if beside.is_file():
                one = msgspec.json.decode(beside.read_bytes(), type=SafetyManifest)
                if not 0 <= one.linear_memory_bytes <= U32:
                    raise msgspec.ValidationError(
                        f"{one.linear_memory_bytes} bytes of linear memory do not fit 32 bits"
                    )
                found.append(one)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            hint = "compile the object again, which writes the file, or delete it and give linear-memory"
            faults.append(Fault(code="safety-manifest", message=str(error), where=str(beside), hint=hint))
    if faults:
        raise BadInput(faults)
    return tuple(found)
