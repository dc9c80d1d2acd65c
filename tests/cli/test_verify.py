"""Whole interactions with ``layoutplan verify``: by the plan, by the manifest alone, with everything wrong at once."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from layoutplan.check.elf.image import read_image
from layoutplan.cli.main import _run
from layoutplan.inputs.chips.catalogue import Chip
from tests.hardware.build import Image, image
from tests.hardware.machines import AN385, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet

OUTSIDE = (
    "claimed: memory interference by CPU access, one core, one security state\n"
    "outside: timing, DMA and other bus masters, debuggers, other cores, faults of the silicon\n"
    "trusted: this checker and its solver, the manifest, the chip's catalogue entry, the switch and boot code\n"
)


@dataclass(frozen=True, slots=True)
class Linked:
    image: Image
    manifest: Path


@pytest.fixture(scope="module", params=[AN385, VIRT], ids=lambda machine: str(machine.name))
def linked(request: pytest.FixtureRequest) -> Linked:
    machine: Machine = request.param
    made = image(machine, quartet(machine), QUARTET)
    return Linked(made, made.system.manifest)


def layoutplan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layoutplan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_by_the_manifest_objects_and_image_alone_and_by_the_plan(linked: Linked, tmp_path: Path) -> None:
    alone = layoutplan("verify", linked.image.elf, "--manifest", linked.manifest)
    told = re.fullmatch(r"(\d+) of (\d+) obligations proved\n" + re.escape(OUTSIDE), alone.stdout)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert told is not None
    assert told[1] == told[2]
    (tmp_path / "layout.toml").write_text(linked.manifest.read_text())
    planned = layoutplan("solve", tmp_path / "layout.toml", "--out", tmp_path / "out")
    assert planned.returncode == 0, planned.stderr
    by_plan = layoutplan("verify", linked.image.elf, "--plan", tmp_path / "out" / "plan.json")
    assert (by_plan.returncode, by_plan.stderr) == (0, "")
    # One more, and one for each obligation that the registers make: the image is the one planned.
    assert by_plan.stdout == f"{int(told[1]) + 1} of {int(told[2]) + 1} obligations proved\n" + OUTSIDE


def test_everything_that_is_wrong_is_said_at_once(linked: Linked, tmp_path: Path) -> None:
    """Five faults in one image: a table's words, a task's stack, a constant, a vector base or handler, a rogue row."""
    symbols, arm = linked.image.symbols, linked.image.machine is AN385
    found = read_image(linked.image.elf)
    data = bytearray(found.data)

    def patch(address: int, word: int) -> None:
        offset = found.file_offset(address, 4)
        assert offset is not None
        struct.pack_into("<I", data, offset, word)

    rows = found.words(symbols["LP_DYNAMIC"], 4)
    assert rows is not None
    patch(symbols["LP_DYNAMIC"] + 4, rows[1] ^ 1 << (1 if arm else 6))
    patch(symbols["LP_TASKS"], 0x1234)
    patch(symbols["LP_ENTRIES"], symbols["LP_HASH"] | arm)
    patch(symbols["LP_HASH"], 0)
    text = next(section for section in found.sections if section.name == ".lp.carol.text")
    patch(text.address + 8, 0x5A5A_5A5A)
    broken = tmp_path / "broken.elf"
    broken.write_bytes(data)
    verdict = layoutplan("verify", broken, "--manifest", linked.manifest)
    rules = set(re.findall(r"^error\[([\w-]+)\]", verdict.stderr, re.MULTILINE))
    assert verdict.returncode == 1
    assert rules >= {"tasks", "entries", "hash", "traced", "exactness" if arm else "transition"}
    assert re.match(r"\d+ of \d+ obligations proved\n$", verdict.stdout)
    assert verdict.stderr.count("\nhint: ") >= 5
    assert "Traceback" not in verdict.stderr


def test_an_unverified_chip_is_said_with_a_yes_and_with_a_no(
    linked: Linked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A verified one says nothing: the yes above has an empty stderr, and the first no here does not speak of it."""
    found = read_image(linked.image.elf)
    offset = found.file_offset(linked.image.symbols["LP_TASKS"], 4)
    assert offset is not None
    broken = tmp_path / "broken.elf"
    broken.write_bytes(found.data[:offset] + b"\x34\x12\0\0" + found.data[offset + 4 :])
    note = f"note: the catalogue entry of {linked.image.machine.chip} is unverified: "
    assert _run(["verify", str(broken), "--manifest", str(linked.manifest)]) == 1
    assert "unverified" not in capsys.readouterr().err
    monkeypatch.setattr(Chip, "verified", property(lambda _: False))
    assert _run(["verify", str(broken), "--manifest", str(linked.manifest)]) == 1
    assert [line.startswith(note) for line in capsys.readouterr().err.splitlines()].count(True) == 1
    assert _run(["verify", str(linked.image.elf), "--manifest", str(linked.manifest)]) == 0
    told = capsys.readouterr()
    assert told.err.startswith(note)
    assert told.err.count("\n") == 1
    assert told.out.endswith(OUTSIDE)


def test_without_a_plan_or_a_manifest_there_is_nothing_to_prove(linked: Linked) -> None:
    asked = layoutplan("verify", linked.image.elf)
    assert asked.returncode == 2
    assert "error[no-question]" in asked.stderr
