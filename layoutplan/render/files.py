"""Writing an output so that nobody sees half of it, and an unchanged one keeps its time."""

from __future__ import annotations

import os
from pathlib import Path


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write ``data`` to ``path`` in one step, unless it is there already. Says whether it wrote.

    Cargo rebuilds what is newer than its output, so an unchanged file keeps its modification time.
    """
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass  # absent, or not readable: the write below says why if it cannot be made
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    return True
