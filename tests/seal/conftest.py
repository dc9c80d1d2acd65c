"""Each test that seals runs with GNU's tools, with Debian's LLVM and with the tools that rustup brings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from layoutplan.seal.tools import find_tools
from tests.toolchain import missing, tool

GNU = (("arm-none-eabi-ld",), ("arm-none-eabi-objcopy",), "binutils-arm-none-eabi")
LLVM = (("ld.lld-19", "ld.lld"), ("llvm-objcopy-19", "llvm-objcopy"), "lld-19 and llvm")


def _only(folder: Path, names: tuple[tuple[str, ...], ...], package: str) -> None:
    folder.mkdir()
    for candidates in names:
        path = Path(tool(candidates, package))
        (folder / path.name).symlink_to(path)


@pytest.fixture(params=["gnu", "llvm", "rustup"])
def toolchain(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Leave one kind of tools to be found."""
    kind = str(request.param)
    if kind == "rustup":
        rustup = shutil.which("rustup")
        rustc = Path(rustup).parent / "rustc" if rustup else None
        if rustc is None:
            missing("rustup with llvm-tools", "rustup")
        (tmp_path / "tools").mkdir()
        monkeypatch.setenv("RUSTC", str(rustc))
    else:
        _only(tmp_path / "tools", (GNU if kind == "gnu" else LLVM)[:2], (GNU if kind == "gnu" else LLVM)[2])
        monkeypatch.setenv("RUSTC", str(tmp_path / "no-rustc"))
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    find_tools.cache_clear()
    yield kind
    find_tools.cache_clear()
