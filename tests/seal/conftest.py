"""Each test that seals runs with GNU's tools, with Debian's LLVM and with the tools that rustup brings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from layoutplan.seal.tools import find_tools
from tests.toolchain import missing, tool

TOOLS = {
    "gnu": (
        (("arm-none-eabi-ld",), "binutils-arm-none-eabi"),
        (("arm-none-eabi-objcopy",), "binutils-arm-none-eabi"),
        (("riscv64-unknown-elf-ld",), "binutils-riscv64-unknown-elf"),
        (("riscv64-unknown-elf-objcopy",), "binutils-riscv64-unknown-elf"),
    ),
    "llvm": ((("ld.lld-19", "ld.lld"), "lld-19"), (("llvm-objcopy-19", "llvm-objcopy"), "llvm")),
}


@pytest.fixture(params=["gnu", "llvm", "rustup"])
def toolchain(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Leave one kind of tools to be found."""
    kind = str(request.param)
    folder = tmp_path / "tools"
    folder.mkdir()
    if kind == "rustup":
        rustup = shutil.which("rustup")
        rustc = Path(rustup).parent / "rustc" if rustup else None
        if rustc is None:
            missing("rustup with llvm-tools", "rustup")
        monkeypatch.setenv("RUSTC", str(rustc))
    else:
        for names, package in TOOLS[kind]:
            path = Path(tool(names, package))
            (folder / path.name).symlink_to(path)
        monkeypatch.setenv("RUSTC", str(tmp_path / "no-rustc"))
    monkeypatch.setenv("PATH", str(folder))
    find_tools.cache_clear()
    yield kind
    find_tools.cache_clear()
