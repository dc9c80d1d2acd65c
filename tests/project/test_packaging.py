"""A wheel and an editable install both bring everything: templates, catalogue, preludes, the command."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.toolchain import ROOT

IGNORED = shutil.ignore_patterns(".*", "target", "out", "build")


def fresh_environment(folder: Path) -> Path:
    """A virtual environment that sees this one's dependencies but not this one's layoutplan."""
    venv.create(folder, with_pip=True, symlinks=True)
    theirs = sysconfig.get_path("purelib", vars={"base": str(folder)})
    # A folder named in a .pth file is searched, but the .pth files inside it, and so an editable install, are not read.
    Path(theirs, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("editable", [False, True], ids=["wheel", "editable"])
def test_everything_is_found_after_install(tmp_path: Path, *, editable: bool) -> None:
    python = fresh_environment(tmp_path / "venv")
    source: list[str | Path] = ["-e", ROOT]
    if not editable:
        # A copy, because building leaves its own folder in the tree that other tests read at the same time.
        tree = shutil.copytree(ROOT, tmp_path / "tree", ignore=IGNORED)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", tree, cwd=tmp_path)
        source = list((tmp_path / "dist").glob("*.whl"))
    run(python, "-m", "pip", "install", "-q", "--no-deps", *source, cwd=tmp_path)
    sample = shutil.copytree(ROOT / "samples" / "flight_controller", tmp_path / "sample", ignore=IGNORED)
    run(python, "-m", "layoutplan", "solve", "layout.toml", "--cargo", "--out", "out", cwd=sample)
    assert {"layout.ld", "region_table.rs", "report.html"} <= {path.name for path in (sample / "out").iterdir()}
    where = run(python, "-c", "import layoutplan; print(layoutplan.__file__)", cwd=tmp_path)
    assert str(ROOT if editable else tmp_path) in where
    assert Path(where.strip()).with_name("py.typed").is_file()
