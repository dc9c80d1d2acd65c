"""``--regenerate`` writes golden files on a desk and refuses where nobody reads the difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.toolchain import ROOT

TEST = "def test_it(golden):\n    golden('it.txt', 'new\\n')\n"


def run(folder: Path, *arguments: str, ci: bool) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", *arguments]
    command += ["--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def prepare(folder: Path) -> Path:
    (folder / "test_it.py").write_text(TEST, encoding="utf-8")
    (folder / "golden").mkdir()
    golden = folder / "golden" / "it.txt"
    golden.write_text("old\n", encoding="utf-8")
    return golden


def test_a_difference_fails_and_the_flag_accepts_it(tmp_path: Path) -> None:
    golden = prepare(tmp_path)
    assert run(tmp_path, ci=False).returncode == 1
    assert golden.read_text(encoding="utf-8") == "old\n"
    assert run(tmp_path, "--regenerate", ci=False).returncode == 0
    assert golden.read_text(encoding="utf-8") == "new\n"
    assert run(tmp_path, ci=False).returncode == 0


def test_in_ci_the_flag_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    golden = prepare(tmp_path)
    refused = run(tmp_path, "--regenerate", ci=True)
    assert refused.returncode == 4
    assert "--regenerate is refused with CI=true" in refused.stderr
    assert golden.read_text(encoding="utf-8") == "old\n"
