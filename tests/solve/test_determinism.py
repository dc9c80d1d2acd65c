"""The same question gets the same answer: in any order, with any hash seed, after any other question."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layoutplan.model.component import System
from layoutplan.solve import solve
from tests.benchmarks.same import shuffled
from tests.benchmarks.sets import random_tasks, system

ROOT = Path(__file__).parents[2]
EFFORT = 150_000
ASK = """
import hashlib, sys
from tests.benchmarks.sets import random_tasks, system
from layoutplan.solve import solve
outcome = solve(system(random_tasks(7, int(sys.argv[1]))), effort=int(sys.argv[2]))
print(hashlib.sha256(repr(outcome).encode()).hexdigest())
"""


def digest(asked: System) -> str:
    return hashlib.sha256(repr(solve(asked, effort=EFFORT)).encode()).hexdigest()


@pytest.mark.parametrize("count", [6, 40])
def test_the_order_of_the_manifest_does_not_change_a_byte(count: int) -> None:
    asked = system(random_tasks(7, count))
    assert digest(asked) == digest(shuffled(asked))


def test_neither_the_hash_seed_nor_what_was_asked_before_changes_a_byte() -> None:
    solve(system(random_tasks(3, 5)), effort=EFFORT)
    here = digest(system(random_tasks(7, 40)))
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ASK, "40", str(EFFORT)]
    run = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == here
