"""A linker and an objcopy that know the target's ELF: GNU's or LLVM's, Debian's or rustup's."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from layoutplan.errors import BadInput, Fault

LEAST_LLD = 19
"""The first lld with ``--force-group-allocation``, without which a COMDAT group of one component could take the place
of another component's."""

_GNU_PREFIXES = {
    "arm": ("arm-none-eabi-",),
    "riscv": ("riscv64-unknown-elf-", "riscv32-unknown-elf-", "riscv-none-elf-", "riscv-none-embed-"),
}
_LLD = ("--no-dependent-libraries",)
"""Objects may name others for lld to link, which are no input that anybody gave."""

_EMULATIONS = {"arm": "armelf", "riscv": "elf32lriscv"}
_HINTS = {
    "arm": "apt-get install binutils-arm-none-eabi (or lld-19 and llvm), or: rustup component add llvm-tools",
    "riscv": "apt-get install binutils-riscv64-unknown-elf (or lld-19 and llvm), or: rustup component add llvm-tools",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The start of a command line, and what its environment needs besides the caller's."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        """Run to the end, with messages in English and no locale's sorting."""
        environ = {**os.environ, "LC_ALL": "C", **self.environ}
        return subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, errors="replace", env=environ, check=False
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What sealing runs."""

    ld: Tool
    objcopy: Tool


@functools.cache
def find_tools(machine: str) -> Tools:
    """The first of each kind that starts; ``BadInput`` with what to install when there is none."""
    ld = next(_working(_linkers(machine)), None)
    objcopy = next(_working(_objcopies(machine)), None)
    missing = [name for name, found in (("linker", ld), ("objcopy", objcopy)) if found is None]
    if ld is None or objcopy is None:
        text = f"no {' and no '.join(missing)} for {machine} ELF files was found on PATH or in rustup's toolchain"
        raise BadInput([Fault(code="no-tools", message=text, hint=_HINTS[machine])])
    return Tools(ld=ld, objcopy=objcopy)


def _working(candidates: Iterable[Tool]) -> Iterator[Tool]:
    for tool in candidates:
        try:
            result = tool.run(["--version"])
        except OSError:
            continue
        lld = re.search(r"LLD (\d+)", result.stdout)
        if result.returncode == 0 and (lld is None or int(lld[1]) >= LEAST_LLD):
            yield tool


def _linkers(machine: str) -> Iterator[Tool]:
    emulation = ("-m", _EMULATIONS[machine])
    for prefix in _GNU_PREFIXES[machine]:
        if path := shutil.which(f"{prefix}ld"):
            yield Tool(command=(path, *emulation))
    for path in _versions("ld.lld"):
        yield Tool(command=(path, *emulation, *_LLD))
    for folder, environ in _rustup():
        yield Tool(command=(str(folder / "rust-lld"), "-flavor", "gnu", *emulation, *_LLD), environ=environ)


def _objcopies(machine: str) -> Iterator[Tool]:
    for prefix in _GNU_PREFIXES[machine]:
        if path := shutil.which(f"{prefix}objcopy"):
            yield Tool(command=(path,))
    for path in _versions("llvm-objcopy"):
        yield Tool(command=(path,))
    for folder, environ in _rustup():
        yield Tool(command=(str(folder / "rust-objcopy"),), environ=environ)


def _versions(name: str) -> Iterator[str]:
    """The tool's path without a version, then with Debian's version suffixes, newest first."""
    if path := shutil.which(name):
        yield path
    found: dict[int, str] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for candidate in Path(folder or ".").glob(f"{name}-*"):
            version = candidate.name.removeprefix(f"{name}-")
            if version.isdigit():
                found.setdefault(int(version), str(candidate))
    for _, versioned in sorted(found.items(), reverse=True):
        yield versioned


def _rustup() -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Where the compiler keeps its own LLVM tools, and the library folder that rust-objcopy does not find itself."""
    rustc = Tool(command=(os.environ.get("RUSTC") or "rustc",))
    try:
        sysroot, version = rustc.run(["--print", "sysroot"]), rustc.run(["-vV"])
    except OSError:
        return
    host = re.search(r"^host: (\S+)$", version.stdout, re.MULTILINE)
    if sysroot.returncode == 0 and host is not None:
        root = Path(sysroot.stdout.strip())
        libraries = [str(root / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        yield root / "lib" / "rustlib" / host[1] / "bin", {"LD_LIBRARY_PATH": os.pathsep.join(libraries)}
