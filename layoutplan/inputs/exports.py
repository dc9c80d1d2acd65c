"""``exports = ["*"]``: every global of the objects by name, so that it is known who may call what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from layoutplan.errors import BadInput
from layoutplan.inputs.objectfiles import read_objects

ALL = "*"


def every_export(exports: Iterable[str], objects: Iterable[Path], entry: str | None = None) -> tuple[str, ...]:
    """The exports with ``*`` replaced by the objects' global names, sorted, but for ``entry``.

    ``*`` stays where an object cannot be read: measuring it says why, and nothing is planned.
    """
    named = list(dict.fromkeys(exports))
    if ALL not in named:
        return tuple(named)
    try:
        found = {name for path in objects for one in read_objects(path) for name in one.defined}
    except BadInput:
        return tuple(named)
    return tuple(sorted((found | set(named)) - {ALL, entry}))
