"""Paths of the manifest: relative to it, with ``${NAME}`` from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from layoutplan.inputs.faults import Faults

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Paths:
    """Resolves paths, and remembers which variables they used."""

    def __init__(self, folder: Path, environ: Mapping[str, str], faults: Faults) -> None:
        self._folder = folder
        self._environ = environ
        self._faults = faults
        self.used: dict[str, str] = {}
        self.svd: tuple[Path, ...] = ()

    def resolve(self, written: str, at: Sequence[str | int]) -> Path | None:
        """The file that ``written`` names, or ``None`` with a fault: a variable or the file is missing."""
        missing = [name for name in _VARIABLE.findall(written) if name not in self._environ]
        for name in missing:
            hint = f"set {name}, or run this from a build script, where cargo sets OUT_DIR"
            self._faults.add("no-variable", at, f"the environment has no `{name}`, which `{written}` uses", hint)
        if missing:
            return None
        self.used |= {name: self._environ[name] for name in _VARIABLE.findall(written)}
        expanded = _VARIABLE.sub(lambda match: self._environ[match[1]], written)
        path = self._folder / expanded
        try:
            found = path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            found = False
        if not found:
            self._faults.add(
                "no-file",
                at,
                f"`{expanded}` is not a file",
                "build it first, or correct the path: it is relative to the manifest",
            )
            return None
        return path
