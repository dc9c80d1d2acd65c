"""The rules of the house, as tests, so that one command runs them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolchain import ROOT, tool

BIN = Path(sys.executable).parent


def run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=["ruff", "ruff-format", "mypy", "import-linter"],
)
def test_python_house_rules(command: tuple[str, ...]) -> None:
    run(BIN / command[0], *command[1:])


def rust_files() -> list[Path]:
    """Every Rust source that is written by hand: not cargo's output, not the golden files."""
    found = [path for folder in ("samples", "tests") for path in (ROOT / folder).rglob("*.rs")]
    return sorted(path for path in found if not {"target", "golden"} & set(path.parts))


def test_rust_is_formatted() -> None:
    files = rust_files()
    assert {path.relative_to(ROOT).parts[0] for path in files} == {"samples", "tests"}
    run(tool("rustfmt", "rustfmt-web"), "--check", "--edition", "2024", *files)
