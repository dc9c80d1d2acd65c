"""The TCB's own tests and lints, and what its README promises about it."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.toolchain import ARMV6M, ARMV7EM_FPU, ARMV7M, ARMV8M, RISCV32, ROOT, rustc, rustc_for, tool

TCB = ROOT / "samples" / "switch_tcb"
SOURCES = sorted((TCB / "src").rglob("*.rs"))
TARGETS = {
    ARMV6M: ("--cfg=armv6m",),
    ARMV7M: (),
    ARMV7EM_FPU: (),
    ARMV8M: ("--cfg=armv8m",),
    RISCV32: (),
}
"""Everything that the TCB is written for, with what ``build.rs`` sets for it."""


def test_its_decisions_pass_their_host_tests(tmp_path: Path) -> None:
    binary = tmp_path / "decisions"
    command = [rustc(), "--edition", "2024", "--test", "--crate-name", "switch_tcb"]
    command += ["--check-cfg=cfg(armv6m)", "--check-cfg=cfg(armv8m)", "--check-cfg=cfg(test)"]
    subprocess.run([*command, "-o", binary, TCB / "src" / "lib.rs"], check=True)
    result = subprocess.run([binary], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    passed = re.search(r"(\d+) passed; 0 failed; 0 ignored", result.stdout)
    assert passed is not None
    assert int(passed[1]) == sum(source.read_text().count("#[test]") for source in SOURCES)


@pytest.mark.parametrize(("target", "settings"), TARGETS.items(), ids=TARGETS)
def test_clippy_has_nothing_to_say(target: str, settings: tuple[str, ...], tmp_path: Path) -> None:
    clippy = tool("/usr/bin/clippy-driver", "rust-web-clippy")
    lints = ["-Dwarnings", "-Dclippy::all", "-Dclippy::undocumented_unsafe_blocks", "-Dmissing_docs"]
    checks = ["--check-cfg=cfg(armv6m)", "--check-cfg=cfg(armv8m)", "--check-cfg=cfg(test)"]
    source = ["--edition", "2024", "--crate-type", "lib", "--crate-name", "switch_tcb", "--emit=metadata"]
    files = ["-o", str(tmp_path / "tcb.rmeta"), str(TCB / "src" / "lib.rs")]
    command = [clippy, *rustc_for(target)[1:], *settings, *lints, *checks, *source, *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "RUSTC": rustc()})
    assert result.returncode == 0, result.stderr


def test_no_file_is_too_long_to_read() -> None:
    lengths = {source.name: len(source.read_text().splitlines()) for source in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_it_depends_on_nothing_and_holds_no_foreign_code() -> None:
    manifest = tomllib.loads((TCB / "Cargo.toml").read_text())
    assert manifest["dependencies"] == {}
    assert "build-dependencies" not in manifest
    foreign = [path for path in TCB.rglob("*") if path.suffix in {".c", ".h", ".s", ".S", ".cpp", ".a", ".o"}]
    assert [path for path in foreign if "target" not in path.parts] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(TCB)))
def test_every_unsafe_block_says_who_keeps_it_safe(source: Path) -> None:
    lines = source.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.search(r"\bunsafe \{|\bunsafe impl\b", line.split("//")[0]) and not line.strip().startswith("//"):
            before = "\n".join(lines[max(0, number - 6) : number])
            assert "SAFETY:" in before, f"{source.name}:{number + 1}: {line.strip()}"


def test_the_decisions_are_safe_code() -> None:
    assert "#![forbid(unsafe_code)]" in (TCB / "src" / "decide" / "mod.rs").read_text()


def test_the_readme_counts_the_unsafe_blocks() -> None:
    blocks = sum(len(re.findall(r"\bunsafe \{", source.read_text())) for source in SOURCES)
    assert f"There are {blocks} `unsafe` blocks." in (TCB / "README.md").read_text()
