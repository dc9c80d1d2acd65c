"""Whole interactions with ``layoutplan solve``: what is printed where, what is written, how it exits."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = """\
manifest-version = 1
isolation = "mpu"

[target]
unit = "armv7m"

[memory.flash]
origin = 0
length = "64K"
access = "rx"

[memory.ram]
origin = 0x2000_0000
length = "16K"
access = "rw"

[component.driver]
sizes = { code = 900, data = 20, bss = 300 }
trust = "untrusted"

[component.app]
sizes = { code = 1500, rodata = 64, bss = 700 }
"""


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layoutplan", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def written(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "layout.toml").write_text(GOOD)
    return tmp_path


OUTPUTS = {"out/layout.ld", "out/region_table.rs", "out/plan.json", "out/report.html"}


def test_yes_writes_every_output_and_the_lock(project: Path) -> None:
    done = run(project, "solve")
    assert (done.returncode, done.stderr) == (0, "wrote: out\n")
    assert written(project) == {"layout.toml", "layout.lock", *OUTPUTS}
    assert "driver.data" in done.stdout


def test_an_unchanged_rerun_touches_nothing_and_does_not_import_z3(project: Path) -> None:
    first = run(project, "solve")
    before = {name: (project / name).stat().st_mtime_ns for name in written(project)}
    probe = "import sys; from layoutplan.cli.main import _run; _run(['solve']); assert 'z3' not in sys.modules"
    again = subprocess.run([sys.executable, "-c", probe], cwd=project, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert again.stderr == "unchanged: out\n"
    assert again.stdout == first.stdout
    assert {name: (project / name).stat().st_mtime_ns for name in written(project)} == before


@pytest.mark.parametrize("name", ["out/layout.ld", "out/region_table.rs", "layout.lock"])
def test_a_touched_output_is_made_again(project: Path, name: str) -> None:
    run(project, "solve")
    good = (project / name).read_bytes()
    (project / name).unlink()
    assert run(project, "solve").stderr == "wrote: out\n"
    assert (project / name).read_bytes() == good


@pytest.mark.parametrize("name", ["out/layout.ld", "out/region_table.rs", "out/report.html", "layout.lock"])
def test_a_stored_plan_that_leaves_an_output_out_is_not_believed(project: Path, name: str) -> None:
    run(project, "solve")
    good = (project / name).read_bytes()
    (project / name).write_bytes(good + b"\n")
    stored = json.loads((project / "out/plan.json").read_bytes())
    del stored["layoutplan"]["outputs"][os.path.relpath(project / name, project / "out")]
    (project / "out/plan.json").write_text(json.dumps(stored))
    assert run(project, "solve").stderr == "wrote: out\n"
    assert (project / name).read_bytes() == good


def test_check_does_not_believe_what_is_stored(project: Path) -> None:
    run(project, "solve")
    assert run(project, "solve", "--check").returncode == 0
    script = project / "out/layout.ld"
    script.write_bytes(script.read_bytes() + b"\n")
    stored = json.loads((project / "out/plan.json").read_bytes())
    stored["layoutplan"]["outputs"]["layout.ld"] = hashlib.sha256(script.read_bytes()).hexdigest()
    (project / "out/plan.json").write_text(json.dumps(stored))
    done = run(project, "solve", "--check")
    assert done.returncode == 1
    assert "error[out-of-date]: layout.ld is not what this manifest and these objects give" in done.stderr


def damaged(stored: dict[str, Any]) -> dict[str, Any]:
    stored["blocks"][0]["base"] += 32
    return stored


def of_another_version(stored: dict[str, Any]) -> dict[str, Any]:
    del stored["blocks"][0]["granted"], stored["layoutplan"]["contents"]
    stored["layoutplan"]["contents"] = hashlib.sha256(json.dumps(stored).encode()).hexdigest()
    return stored


@pytest.mark.parametrize("change", [damaged, of_another_version, lambda _: {}, lambda _: [], lambda _: float("nan")])
def test_a_plan_file_that_is_not_as_it_was_written_is_bad_input(
    project: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    run(project, "solve")
    good = (project / "out/plan.json").read_bytes()
    (project / "other.json").write_text(json.dumps(change(json.loads(good))))
    for command in (["report", "--plan"], ["diff", "out/plan.json"], ["explain", "0x20000000", "--plan"]):
        done = run(project, *command, "other.json")
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("error[plan-file]: cannot read the plan: ")
        assert done.stderr.endswith("  at other.json\nhint: run `layoutplan solve` again\n")


def test_a_damaged_plan_file_is_made_again(project: Path) -> None:
    run(project, "solve")
    good = (project / "out/plan.json").read_bytes()
    (project / "out/plan.json").write_text(json.dumps(damaged(json.loads(good))))
    assert run(project, "solve").stderr == "wrote: out\n"
    assert (project / "out/plan.json").read_bytes() == good


def test_json_is_the_only_thing_on_stdout(project: Path) -> None:
    done = run(project, "solve", "--format", "json")
    assert json.loads(done.stdout)["feasible"] is True


def test_cargo_gets_directives_and_nothing_else(project: Path) -> None:
    done = run(project, "solve", "--cargo", OUT_DIR=str(project / "cargo-out"))
    assert done.returncode == 0
    assert done.stdout
    assert all(line.startswith("cargo:") for line in done.stdout.splitlines())
    assert f"cargo:rerun-if-changed={project / 'layout.toml'}" in done.stdout.splitlines()
    assert f"cargo:rustc-link-arg=-T{project / 'cargo-out' / 'layout.ld'}" in done.stdout.splitlines()
    assert not (project / "layout.lock").exists(), "a build script only reads the lock"
    assert (project / "cargo-out" / "layout.lock").exists()


def test_the_build_script_of_the_readme_plans(project: Path) -> None:
    """Its arguments to the letter: a manifest may follow ``--cargo``."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"\.args\((\[.*?\])\)", readme)
    done = run(project, *json.loads(arguments), OUT_DIR=str(project / "cargo-out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"cargo:rustc-link-arg=-T{project / 'cargo-out' / 'layout.ld'}" in done.stdout.splitlines()


def test_cargo_gets_what_a_runtime_crates_script_cannot_say(project: Path) -> None:
    done = run(project, "solve", "--cargo", "--link-style", "cortex-m-rt", "--out", "o")
    assert "cargo:rustc-link-arg=--nmagic" in done.stdout.splitlines()
    assert f"cargo:rustc-link-search={project / 'o'}" in done.stdout.splitlines()
    assert "-T" not in done.stdout


def test_cargo_keeps_riscv_links_unrelaxed(project: Path) -> None:
    manifest = GOOD.replace('unit = "armv7m"', 'unit = "pmp"\nslots = 16')
    (project / "layout.toml").write_text(manifest)
    assert "cargo:rustc-link-arg=--no-relax" in run(project, "solve", "--cargo", "--out", "o").stdout.splitlines()


def test_cargo_scopes_its_link_arguments(project: Path) -> None:
    done = run(project, "solve", "--cargo=bins", "--out", "o")
    assert f"cargo:rustc-link-arg-bins=-T{project / 'o' / 'layout.ld'}" in done.stdout.splitlines()


def test_bad_input_is_2_all_faults_at_once_and_nothing_written(project: Path) -> None:
    (project / "layout.toml").write_text(GOOD.replace("[target]", "[targt]").replace('"64K"', '"64Q"'))
    done = run(project, "solve")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("error[") >= 2
    assert "Traceback" not in done.stderr
    assert [path.name for path in project.rglob("*")] == ["layout.toml"], "no folder either"


@pytest.mark.parametrize("command", [["solve"], ["seal"], ["init", "--chip", "stm32f407", "--out", "out/a/x.toml"]])
def test_a_folder_that_cannot_be_made_is_2(project: Path, command: list[str]) -> None:
    (project / "out").write_text("a file")
    done = run(project, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[file]: cannot use the file: Not a directory" in done.stderr or "File exists" in done.stderr
    assert "  at out" in done.stderr
    assert "hint: name another folder with `--out`" in done.stderr


def test_a_missing_manifest_is_2(tmp_path: Path) -> None:
    done = run(tmp_path, "solve")
    assert done.returncode == 2
    assert "error[" in done.stderr
    assert "hint:" in done.stderr


def test_infeasible_is_1_with_only_the_report(project: Path) -> None:
    (project / "layout.toml").write_text(GOOD.replace('"16K"', "512"))
    done = run(project, "solve")
    assert done.returncode == 1
    assert "error[infeasible]" in done.stderr
    assert written(project) == {"layout.toml", "out/report.html"}


def test_infeasible_cargo_still_says_when_to_ask_again(project: Path) -> None:
    (project / "layout.toml").write_text(GOOD.replace('"16K"', "512"))
    done = run(project, "solve", "--cargo", "--out", "o")
    assert done.returncode == 1
    assert "cargo:rerun-if-changed" in done.stdout
    assert "link-arg" not in done.stdout


def test_out_of_time_is_3_and_says_that_nothing_is_known(project: Path) -> None:
    many = "".join(
        f'[component.c{i}]\nsizes = {{ code = {700 + 97 * i}, bss = {300 + 61 * i} }}\ntrust = "untrusted"\n'
        for i in range(40)
    )
    (project / "layout.toml").write_text(GOOD.replace('"64K"', '"1M"').replace('"16K"', '"1M"') + many)
    done = run(project, "solve", "--timeout", "0.1")
    assert done.returncode == 3
    assert "error[undecided]" in done.stderr
    assert written(project) == {"layout.toml", "out/report.html"}


def test_a_budget_exceeded_is_1(project: Path) -> None:
    (project / "layout.toml").write_text(GOOD + '\n[budget]\nmax-padding = "0%"\n')
    done = run(project, "solve")
    assert done.returncode == 1
    assert "error[" in done.stderr
    assert "out/layout.ld" not in written(project)


def test_locked_without_a_lock_is_1(project: Path) -> None:
    done = run(project, "solve", "--locked")
    assert done.returncode == 1
    assert "error[no-lock]" in done.stderr


def test_locked_refuses_a_move_and_accepts_none(project: Path) -> None:
    run(project, "solve")
    assert run(project, "solve", "--locked").returncode == 0
    (project / "layout.toml").write_text(GOOD.replace("bss = 700", "bss = 1700"))
    done = run(project, "solve", "--locked")
    assert done.returncode == 1
    assert "error[moved]" in done.stderr
    assert "`app.data`" in done.stderr


def test_check_writes_nothing_and_compares(project: Path) -> None:
    before = run(project, "solve", "--check")
    assert before.returncode == 1
    assert "error[out-of-date]" in before.stderr
    assert written(project) == {"layout.toml"}
    run(project, "solve")
    assert run(project, "solve", "--check").returncode == 0
    (project / "out" / "region_table.rs").write_text("// edited\n")
    changed = run(project, "solve", "--check")
    assert changed.returncode == 1
    assert "region_table.rs" in changed.stderr


def test_an_image_alone_is_asked_what_the_manifest_here_asks(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert "error[unreadable]: cannot read the image" in run(project, "verify", "none.elf").stderr
    elsewhere = run(tmp_path_factory.mktemp("empty"), "verify", "none.elf")
    assert (elsewhere.returncode, "error[no-question]" in elsewhere.stderr) == (2, True)


def test_an_unknown_option_is_2(project: Path) -> None:
    assert run(project, "solve", "--frobnicate").returncode == 2


def test_a_bug_is_70_without_a_traceback(project: Path) -> None:
    crash = (
        "import layoutplan.cli.planning as p\n"
        "from layoutplan.cli.main import _run\n"
        "def broken(request): raise RuntimeError('boom')\n"
        "p.plan = broken\n"
        "raise SystemExit(_run(['solve']))\n"
    )
    done = subprocess.run([sys.executable, "-c", crash], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "error[internal]: RuntimeError: boom" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_not_an_error(project: Path) -> None:
    run(project, "solve")
    pipe = f"{sys.executable} -m layoutplan report | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
