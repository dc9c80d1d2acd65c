"""Tools that some tests need. On a laptop a missing one skips the test with a reason; with ``CI=true`` it fails."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import filelock
import pytest

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

ARMV6M = "thumbv6m-none-eabi"
ARMV7M = "thumbv7m-none-eabi"
ARMV7EM_FPU = "thumbv7em-none-eabihf"
ARMV8M = "thumbv8m.main-none-eabi"
RISCV32 = "riscv32imac-unknown-none-elf"


def missing(what: str, package: str) -> None:
    """Skip, or fail in CI, because ``what`` is not here; ``package`` is the Debian package that brings it."""
    unavailable(f"{what} is not installed (Debian package {package})")


def unavailable(reason: str) -> None:
    """Skip, or fail in CI."""
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


def module(name: str) -> None:
    """Skip, or fail in CI, where a Python module of the `test` extra is not installed."""
    if importlib.util.find_spec(name) is None:
        unavailable(f"{name} is not installed (pip install layoutplan[test])")


def rustc() -> str:
    """The compiler for target code: ``RUSTC``, else Debian's. rustup's may come first on PATH and lack the targets."""
    return os.environ.get("RUSTC") or tool("/usr/bin/rustc", "rustc-web")


@functools.cache
def sysroot(target: str = ARMV7M) -> Path:
    """What to pass as ``rustc --sysroot`` for ``target``; built on the first use in a checkout (about 20 s a target).

    Args:
        target: A bare-metal target triple.
    """
    compiler = rustc()
    directory = ROOT / ".toolchain" / "sysroot"
    directory.parent.mkdir(exist_ok=True)
    with filelock.FileLock(directory.with_suffix(".lock")):  # the test workers share it
        result = subprocess.run(
            [ROOT / "samples" / "toolchain" / "mk_sysroot.sh", directory, target],
            env={**os.environ, "RUSTC": compiler},
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        missing(f"core for {target} ({result.stderr.strip()})", "rust-web-src")
    return Path(result.stdout.strip())


def rustc_for(target: str = ARMV7M) -> list[str]:
    """The start of a compiler command line for ``target``: compiler, sysroot, target."""
    return [rustc(), "--sysroot", str(sysroot(target)), "--target", target]
