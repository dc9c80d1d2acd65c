"""A wheel and an editable install both bring everything: templates, catalogue, preludes, the command."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.toolchain import ROOT

PROBE = """
from importlib import resources
import layoutplan
from layoutplan.errors import Fault
names = {
    "layoutplan": ("py.typed",),
    "layoutplan.ld_templates": ("layout.ld.j2", "region_table.rs.j2"),
    "layoutplan.inputs.chips": ("mps2-an385.toml",),
    "layoutplan.report": ("page.html.j2",),
}
for package, files in names.items():
    for file in files:
        assert resources.files(package).joinpath(file).is_file(), (package, file)
print(layoutplan.__file__)
"""


def fresh_environment(folder: Path) -> Path:
    """A virtual environment that sees this one's dependencies but not this one's layoutplan."""
    venv.create(folder, with_pip=True, symlinks=True)
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
        tree = shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(".*", "target", "out", "build"))
        run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", tree, cwd=tmp_path)
        source = list((tmp_path / "dist").glob("*.whl"))
    run(python, "-m", "pip", "install", "-q", "--no-deps", *source, cwd=tmp_path)
    where = run(python, "-c", PROBE, cwd=tmp_path)
    assert str(ROOT if editable else tmp_path) in where
