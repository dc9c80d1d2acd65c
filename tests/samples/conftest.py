"""The flight controller's images, built once in a test run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.samples.boards import Board, board_name, cargo, without_isolation


@dataclass(frozen=True, slots=True)
class Firmware:
    """Cargo's folder, the linked image in it, and the folder into which the build script planned."""

    folder: Path
    elf: Path
    plan: Path


Built = Callable[..., Firmware]
"""``built(board, linker_name, isolated=True)``."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Built:
    """Builds on first use. The test workers share the folders: for the second one cargo has nothing to do."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent

    @functools.cache
    def once(board: Board, linker_name: str, *, isolated: bool = True) -> Firmware:
        folder = root / f"flight_controller-{board_name(board)}-{linker_name}{'' if isolated else '-off'}"
        off = folder.with_suffix(".toml")
        with FileLock(folder.with_suffix(".building")):
            if not isolated and not off.exists():
                off.write_text(without_isolation(board.manifest))
            result = cargo("build", board, linker_name, folder, manifest="" if isolated else off)
        assert result.returncode == 0, result.stderr
        release = folder / board.machine.target / "release"
        [plan] = release.glob("build/flight_controller-*/out")
        return Firmware(folder=folder, elf=release / "flight_controller", plan=plan)

    return once
