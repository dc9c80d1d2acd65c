"""The same bytes out: in another order, with another hash seed, on busy cores. ``python -m tests.benchmarks.same``."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from layoutplan.model.component import System
from layoutplan.solve import solve
from tests.benchmarks.sets import random_tasks, system

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = 40
SHUFFLED = "shuffled"


def shuffled(asked: System) -> System:
    """The same manifest written in another order."""
    return replace(
        asked,
        components=asked.components[::-1],
        partitions=asked.partitions[1::2] + asked.partitions[::2],
        peripherals=asked.peripherals[::-1],
    )


def digest(asked: System) -> str:
    """What tells two outcomes of the solver apart, in every byte."""
    return hashlib.sha256(repr(solve(asked)).encode()).hexdigest()


def outcomes(seed: int) -> dict[str, str]:
    """The digest of one plan by the circumstances in which it was made, each in a process of its own."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        loaded = _asked(seed, "as asked", "0")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return {
        "as asked": _asked(seed, "as asked", "0"),
        "order shuffled": _asked(seed, SHUFFLED, "0"),
        "hash seed 1": _asked(seed, "as asked", "1"),
        "hash seed 2": _asked(seed, "as asked", "2"),
        f"{len(busy)} cores loaded": loaded,
    }


def _asked(seed: int, order: str, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.same", str(seed), order]
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout.strip()


if __name__ == "__main__":
    asked = system(random_tasks(int(sys.argv[1]), BLOCKS))
    print(digest(shuffled(asked) if sys.argv[2] == SHUFFLED else asked))
