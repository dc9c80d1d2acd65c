"""``cargo build`` links the sample for each of its machines, and the image runs as the README says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.render.image import read
from tests.samples.boards import BOARDS, COMPONENTS, LINKERS, SAMPLE, Board, board_name, cargo, without_isolation
from tests.samples.conftest import Built

every_board = pytest.mark.parametrize("board", BOARDS, ids=board_name)
both_linkers = pytest.mark.parametrize("linker_name", LINKERS)

VICTIMS = {
    "stray-write": "__lp_attitude_data_start",
    "stray-write-flash": "__lp_gps_code_start",
    "stray-write-kernel": "__lp_kernel_stack_start",
}
"""The scenarios, and the symbol that telemetry then writes to; ``stray-write-device`` goes to a device's register."""

scenarios = pytest.mark.parametrize("scenario", [*VICTIMS, "stray-write-device"])


def boot(board: Board, elf: Path, scenario: str) -> tuple[bytes, str]:
    """What went over the UART, and what the kernel reported before it ended well."""
    # The alarm of virt's RTC counts the emulator's instructions too.
    run = board.machine.run(elf, scenario, options=("-rtc", "base=2026-01-01,clock=vm"), serial="stdio")
    assert run.status == 0, run.talk
    return run.output, run.talk


def turns(report: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^(\w+): (\d+) turns$", report, re.MULTILINE)}


def victim(report: str) -> tuple[int, int]:
    """The victim's byte before and after."""
    [(before, after)] = re.findall(r"^victim: (0x[0-9a-f]{2}) before, (0x[0-9a-f]{2}) after$", report, re.MULTILINE)
    return int(before, 16), int(after, 16)


@every_board
@both_linkers
def test_four_partitions_take_turns(built: Built, board: Board, linker_name: str) -> None:
    uart, report = boot(board, built(board, linker_name).elf, "turns")
    assert uart == b"$PUBX,40,RMC,0,1,0,0*46\r\n"
    counted = turns(report)
    assert set(counted) == set(COMPONENTS)
    assert min(counted.values()) >= 10, counted


@every_board
def test_cargo_run_finds_the_emulator(built: Built, board: Board) -> None:
    run = cargo("run", board, "rust-lld", built(board, "rust-lld").folder)
    assert run.returncode == 0, run.stderr
    assert set(turns(run.stderr)) == set(COMPONENTS)


@every_board
@both_linkers
@scenarios
def test_the_stray_writer_is_stopped_and_the_others_go_on(
    built: Built, board: Board, linker_name: str, scenario: str
) -> None:
    elf = built(board, linker_name).elf
    _, report = boot(board, elf, scenario)
    address = read(elf).symbols[VICTIMS[scenario]] if scenario in VICTIMS else board.device
    assert re.findall("^.*stopped.*$", report, re.MULTILINE) == [
        f"telemetry: stopped by {board.stray} fault at {address:#010x}"
    ]
    counted = turns(report)
    assert counted["telemetry"] <= 4
    assert min(counted[name] for name in ("attitude", "gps", "mixer")) >= 10, counted
    before, after = victim(report)
    assert before == after


@every_board
@scenarios
def test_without_isolation_the_same_write_succeeds(built: Built, board: Board, scenario: str) -> None:
    _, report = boot(board, built(board, "gnu-ld", isolated=False).elf, scenario)
    assert "stopped" not in report
    before, after = victim(report)
    assert (before != after, after) == (True, 0xFD)
    assert turns(report)["telemetry"] >= 10


def test_the_readmes_manifest_without_isolation_differs_in_nothing_else() -> None:
    off = (SAMPLE / "layout-off.toml").read_text().replace('"objects/', f'"{SAMPLE}/objects/')
    assert tomllib.loads(off) == tomllib.loads(without_isolation(SAMPLE / "layout.toml"))


def test_without_the_tool_the_build_says_how_to_get_it(tmp_path: Path) -> None:
    result = cargo("build", BOARDS[0], "gnu-ld", tmp_path, LAYOUTPLAN="no-such-layoutplan")
    assert result.returncode != 0
    assert "`no-such-layoutplan` is not there: `pip install layoutplan`, or set LAYOUTPLAN to its path" in result.stderr


def test_an_infeasible_plan_stops_the_build(tmp_path: Path) -> None:
    result = cargo("build", BOARDS[0], "gnu-ld", tmp_path, manifest="no-such-layout.toml")
    assert result.returncode != 0
    assert "no-such-layout.toml" in result.stderr
