"""The machines that the flight controller is built for, and how cargo builds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.toolchain import ROOT, rustc, sysroot, tool

SAMPLE = ROOT / "samples" / "flight_controller"
LAYOUTPLAN = Path(sys.executable).with_name("layoutplan")
COMPONENTS = ("attitude", "gps", "mixer", "telemetry")
LINKERS = ("rust-lld", "gnu-ld")


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A machine, the sample's manifest for it, the folder of its sealed objects, and what the sample knows of it.

    ``device`` is the register that the scenario ``stray-write-device`` writes to; ``stray`` the kind of fault that the
    switch TCB makes of a write that is refused.
    """

    machine: Machine
    manifest: Path
    objects: Path
    device: int
    stray: str


BOARDS = (
    Board(
        machine=AN385,
        manifest=SAMPLE / "layout.toml",
        objects=SAMPLE / "objects" / "armv7m",
        device=0x4000_0008,
        stray="Data",
    ),
    Board(
        machine=AN505,
        manifest=SAMPLE / "layout-an505.toml",
        objects=SAMPLE / "objects" / "armv8m",
        device=0x5000_0008,
        stray="Data",
    ),
    Board(
        machine=VIRT,
        manifest=SAMPLE / "layout-virt.toml",
        objects=SAMPLE / "objects" / "riscv32",
        device=0x1000_0007,
        stray="Write",
    ),
)


def board_name(board: Board) -> str:
    """The machine's name, for pytest's ids."""
    return board.machine.name


def without_isolation(manifest: Path) -> str:
    """The manifest with isolation off; objects by absolute paths, so that it may lie anywhere."""
    text = re.sub(r'^isolation = "\w+"$', 'isolation = "none"', manifest.read_text(), flags=re.MULTILINE)
    text = text.replace('trust = "untrusted"', 'trust = "untrusted"\naccept = ["no-isolation"]')
    return text.replace('"objects/', f'"{SAMPLE}/objects/')


def linker(machine: Machine, name: str) -> str:
    """For ``rust-lld`` rustup's, where there is a rustup, else Debian's lld, which is the same linker."""
    if name != "rust-lld":
        return machine.linker
    compiler = shutil.which("rustc")
    if compiler is not None:
        own = subprocess.run([compiler, "--print", "sysroot"], capture_output=True, text=True, check=True).stdout
        for found in sorted(Path(own.strip()).glob("lib/rustlib/*/bin/rust-lld")):
            return str(found)
    return tool(("ld.lld-19", "ld.lld"), "lld-19")


def cargo(
    verb: str, board: Board, linker_name: str, folder: Path, *, manifest: Path | str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    """``cargo build`` or ``cargo run`` into ``folder``, as a user without rustup's bare-metal targets does it.

    Without ``manifest`` the build script chooses the target's own.
    """
    target = board.machine.target
    flags = f"--sysroot {sysroot(target)}"
    if linker_name != "rust-lld":
        flags += " -C linker-flavor=ld"
        flags += " -C link-arg=-melf32lriscv" if board.machine is VIRT else ""
    settings = {
        "RUSTC": rustc(),
        "RUSTFLAGS": flags,
        "CARGO_TARGET_DIR": str(folder),
        f"CARGO_TARGET_{target.upper().replace('-', '_').replace('.', '_')}_LINKER": linker(board.machine, linker_name),
        "LAYOUTPLAN": str(LAYOUTPLAN),
        **({"FLIGHT_CONTROLLER_MANIFEST": str(manifest)} if manifest else {}),
    }
    return subprocess.run(
        [tool("cargo", "cargo-web"), verb, "--release", "--offline", "--quiet", "--target", target],
        cwd=SAMPLE / "firmware",
        env={**os.environ, **settings, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
