"""What a build pays on the sample, beside a bare interpreter: ``python -m tests.benchmarks.turnaround``."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples" / "flight_controller"
REPEATS = 7


def seconds(command: Sequence[str], cwd: Path, before: Callable[[], None] = lambda: None) -> float:
    """The median wall time of ``command``, each run after ``before()``."""
    times = []
    for _ in range(REPEATS):
        before()
        start = time.perf_counter()
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print one table: seconds, and the ratio to a bare interpreter in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(shutil.copytree(SAMPLE, Path(folder) / "sample", ignore=shutil.ignore_patterns("out", "target")))
        out = sample / "out"
        solve = [sys.executable, "-m", "layoutplan", "solve", "layout.toml"]

        def forget() -> None:
            shutil.rmtree(out, ignore_errors=True)
            (sample / "layout.lock").unlink(missing_ok=True)

        bare = seconds([sys.executable, "-c", "pass"], sample)
        rows = [
            ("bare interpreter", bare),
            ("import z3", seconds([sys.executable, "-c", "import z3"], sample)),
            ("cold", seconds(solve, sample, forget)),
            ("unchanged", seconds(solve, sample)),
            ("unchanged, --cargo", seconds([*solve, "--cargo", "--out", "cargo"], sample)),
        ]
    print(f"{'run':<20} {'seconds':>8} {'x bare':>7}")
    for name, value in rows:
        print(f"{name:<20} {value:>8.3f} {value / bare:>7.1f}")


if __name__ == "__main__":
    main()
