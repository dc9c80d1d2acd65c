"""Tools that some tests need. On a laptop a missing one skips the test with a reason; with ``CI=true`` it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"


def missing(what: str, package: str) -> None:
    """Skip, or fail in CI, because ``what`` is not here; ``package`` is the Debian package that brings it."""
    reason = f"{what} is not installed (Debian package {package})"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def tool(names: str | tuple[str, ...], package: str) -> str:
    """The path of the first tool of ``names`` on PATH."""
    candidates = (names,) if isinstance(names, str) else names
    for name in candidates:
        path = shutil.which(name)
        if path is not None:
            return path
    missing(" or ".join(candidates), package)
    raise AssertionError("not reached: missing() does not return")
