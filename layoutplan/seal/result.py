"""What is wanted of a sealed object, and whether a file is one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from layoutplan.errors import LayoutplanError
from layoutplan.model.component import Component
from layoutplan.objects import read_object
from layoutplan.seal.validation import violations

ALL = "*"
"""In ``exports``: every global stays visible."""


def roots(component: Component) -> tuple[str, ...]:
    """The names that others may refer to: the entry, then the exports, ``*`` left out."""
    names = (*filter(None, [component.entry]), *(name for name in component.exports if name != ALL))
    return tuple(dict.fromkeys(names))


def is_sealed(component: Component, path: Path, allowed_undefined: Collection[str]) -> bool:
    """Whether the file is what ``seal`` could have made of ``component``, by the same rules as ``seal``'s own result.

    ``allowed_undefined`` are the names that the final link defines for it. Of a file that is not sealed ``seal`` makes
    a sealed one, or says why it cannot.
    """
    try:
        found = read_object(path.read_bytes(), path.name)
    except (OSError, LayoutplanError):
        return False
    wanted = roots(component)
    if ALL in component.exports:
        wanted = tuple({*wanted, *found.defined})
    return not violations(component, found, wanted, allowed_undefined)
