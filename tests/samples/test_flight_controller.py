"""``cargo build`` links the sample through its build script, and the image runs as the README says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.toolchain import ARMV7M, ROOT, rustc, sysroot, tool

FIRMWARE = ROOT / "samples" / "flight_controller" / "firmware"
LAYOUTPLAN = Path(sys.executable).with_name("layoutplan")
NAMES = ("attitude", "gps", "mixer", "telemetry")
LINKERS = ("rust-lld", "arm-none-eabi-ld")


def linker(name: str) -> str:
    """Rustup's rust-lld where there is a rustup, else Debian's lld, which is the same linker."""
    if name != "rust-lld":
        return tool(name, "binutils-arm-none-eabi")
    compiler = shutil.which("rustc")
    if compiler is not None:
        own = subprocess.run([compiler, "--print", "sysroot"], capture_output=True, text=True, check=True).stdout
        for found in sorted(Path(own.strip()).glob("lib/rustlib/*/bin/rust-lld")):
            return str(found)
    return tool(("ld.lld-19", "ld.lld"), "lld-19")


def build(folder: Path, linker_name: str, manifest: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run cargo as a user without rustup's bare-metal targets does."""
    settings = {
        "RUSTC": rustc(),
        "RUSTFLAGS": f"--sysroot {sysroot(ARMV7M)}",
        "CARGO_TARGET_DIR": str(folder),
        "CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER": linker(linker_name),
        "LAYOUTPLAN": str(LAYOUTPLAN),
        "FLIGHT_CONTROLLER_MANIFEST": manifest,
    }
    if linker_name != "rust-lld":
        settings["RUSTFLAGS"] += " -C linker-flavor=ld"
    return subprocess.run(
        [tool("cargo", "cargo-web"), "build", "--release", "--offline", "--quiet"],
        cwd=FIRMWARE,
        env={**os.environ, **settings, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    folders: dict[tuple[str, str], Path] = {}

    def once(linker_name: str, manifest: str) -> Path:
        key = (linker_name, manifest)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("target")
            result = build(folders[key], linker_name, manifest)
            assert result.returncode == 0, result.stderr
        return folders[key] / ARMV7M / "release" / "flight_controller"

    return once


def boot(elf: Path, scenario: str) -> tuple[int, str, str]:
    """Exit status, what went over the UART, what the kernel reported."""
    command = [tool("qemu-system-arm", "qemu-system-arm"), "-M", "mps2-an385", "-display", "none", "-monitor", "none"]
    command += ["-serial", "stdio", "-nodefaults", "-icount", "shift=0,sleep=off", "-kernel", str(elf)]
    command += ["-semihosting-config", f"enable=on,target=native,arg=flight_controller,arg={scenario}"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    return result.returncode, result.stdout, result.stderr


def turns(report: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^(\w+): (\d+) turns$", report, re.MULTILINE)}


@pytest.mark.parametrize("linker_name", LINKERS)
def test_four_partitions_take_turns(built: Callable[[str, str], Path], linker_name: str) -> None:
    status, uart, report = boot(built(linker_name, "layout.toml"), "turns")
    assert status == 0, report
    assert uart == "$PUBX,40,RMC,0,1,0,0*46\n"
    counted = turns(report)
    assert set(counted) == set(NAMES)
    assert min(counted.values()) >= 10, counted


@pytest.mark.parametrize("linker_name", LINKERS)
@pytest.mark.parametrize("scenario", ["stray-write", "stray-write-flash", "stray-write-kernel", "stray-write-timer"])
def test_the_stray_writer_is_stopped_and_the_others_go_on(
    built: Callable[[str, str], Path], linker_name: str, scenario: str
) -> None:
    status, _, report = boot(built(linker_name, "layout.toml"), scenario)
    assert status == 0, report
    assert re.search(r"^telemetry: stopped by Data fault at 0x[0-9a-f]{8}$", report, re.MULTILINE), report
    counted = turns(report)
    assert counted["telemetry"] <= 4
    assert min(counted[name] for name in ("attitude", "gps", "mixer")) >= 10, counted
    before, after = re.findall(r"0x[0-9a-f]{2}\b", report.split("victim:")[1])
    assert before == after


@pytest.mark.parametrize("linker_name", LINKERS)
def test_without_isolation_the_same_write_succeeds(built: Callable[[str, str], Path], linker_name: str) -> None:
    status, _, report = boot(built(linker_name, "layout-off.toml"), "stray-write")
    assert status == 0, report
    assert "stopped" not in report
    before, after = re.findall(r"0x[0-9a-f]{2}\b", report.split("victim:")[1])
    assert (before, after) == ("0x00", "0xfd")
    assert turns(report)["telemetry"] >= 10


def test_without_the_tool_the_build_says_how_to_get_it(tmp_path: Path) -> None:
    result = build(tmp_path, "arm-none-eabi-ld", "layout.toml", LAYOUTPLAN="no-such-layoutplan")
    assert result.returncode != 0
    assert "`no-such-layoutplan` is not there: `pip install layoutplan`, or set LAYOUTPLAN to its path" in result.stderr


def test_an_infeasible_plan_stops_the_build(tmp_path: Path) -> None:
    result = build(tmp_path, "arm-none-eabi-ld", "no-such-layout.toml")
    assert result.returncode != 0
    assert "no-such-layout.toml" in result.stderr
