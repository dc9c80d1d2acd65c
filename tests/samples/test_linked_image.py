"""The linked flight controller: where everything lies, what is proved of it, and what becomes of flipped bits."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import read_image
from layoutplan.check.sabotage.flips import FlipClass, classify_flips
from layoutplan.check.timing import cvc5_answer
from layoutplan.inputs import measure, read_manifest
from layoutplan.model.access import UnitName
from layoutplan.pipeline import stored
from layoutplan.render.names import output_section
from tests.hardware.build import patched
from tests.render.image import Image, read
from tests.samples.boards import BOARDS, COMPONENTS, LAYOUTPLAN, LINKERS, Board, board_name
from tests.samples.conftest import Built

every_board = pytest.mark.parametrize("board", BOARDS, ids=board_name)
both_linkers = pytest.mark.parametrize("linker_name", LINKERS)


@every_board
@both_linkers
def test_every_section_lies_where_the_plan_says(built: Built, board: Board, linker_name: str) -> None:
    firmware = built(board, linker_name)
    image, plan = read(firmware.elf), stored.read(firmware.plan / stored.FILE)
    placements = plan.decoded_plan().placements
    parts = {
        output_section(part.name): AddressRange.of(placement.granted.base + part.offset, part.size)
        for placement in placements
        for part in placement.block.parts
        if part.size
    }
    found = {
        name: AddressRange.of(section.address, section.size)
        for name, section in image.sections.items()
        if "A" in section.flags and section.size
    }
    assert {name: found.pop(name) for name in parts} == parts
    # What is left is the kernel's: below the lowest block of a memory.
    lowest = {p.memory: min(q.granted.base for q in placements if q.memory == p.memory) for p in placements}
    kernel = [
        AddressRange(memory["origin"], lowest[memory["name"]])
        for memory in plan.document["memories"]
        if memory["name"] in lowest
    ]
    assert {".text", ".rodata", ".data", ".bss", ".lp.region_table", ".lp.kernel.stack"} <= set(found)
    assert [name for name, place in found.items() if not any(room.contains(place) for room in kernel)] == []


@every_board
@both_linkers
def test_every_symbol_lies_where_the_plan_says(built: Built, board: Board, linker_name: str) -> None:
    firmware = built(board, linker_name)
    image = read(firmware.elf)
    for placement in stored.read(firmware.plan / stored.FILE).decoded_plan().placements:
        stem = f"__lp_{placement.block.symbol}"
        assert image.symbols[f"{stem}_start"] == placement.used.base
        assert image.symbols[f"{stem}_end"] == placement.used.end
        assert image.symbols[f"{stem}_granted_end"] == placement.granted.end
    for symbol in image.defined:
        section = image.sections[symbol.section]
        if symbol.type in ("FUNC", "OBJECT"):
            address = symbol.address & ~(symbol.type == "FUNC")  # bit 0 says Thumb
            assert section.address <= address <= address + symbol.size <= section.address + section.size, symbol
    linked = named(image)
    for component in COMPONENTS:
        sealed = named(read(board.objects / f"{component}.o"))
        assert (f"{component}_main", f".lp.{component}.text") in sealed
        own = Counter({key: count for key, count in linked.items() if key[1].startswith(f".lp.{component}.")})
        assert own == sealed, component


def named(image: Image) -> Counter[tuple[str, str]]:
    """Functions and objects, each with ``.lp.<component>.<kind>``, of which a sealed object has several sections.

    Without local labels, which GNU ld leaves out.
    """
    return Counter(
        (symbol.name, ".".join(symbol.section.split(".")[:4]))
        for symbol in image.defined
        if symbol.type in ("FUNC", "OBJECT") and not symbol.name.startswith(".L")
    )


@every_board
def test_the_build_keeps_the_committed_lock(built: Built, board: Board) -> None:
    candidate = built(board, "gnu-ld").plan / "layout.lock"
    assert candidate.read_text() == board.manifest.with_suffix(".lock").read_text()


def verify(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LAYOUTPLAN, "verify", *arguments], capture_output=True, text=True, check=False)


@every_board
def test_a_partition_with_anothers_words_is_refuted(built: Built, board: Board, tmp_path: Path) -> None:
    firmware = built(board, "rust-lld")
    good = verify(firmware.elf, "--manifest", board.manifest)
    assert good.returncode == 0, good.stderr
    image = read(firmware.elf)
    [table] = [symbol for symbol in image.defined if symbol.name == "LP_DYNAMIC"]
    row = table.size // len(COMPONENTS)
    attitude = image.words(table.address, table.address + row)
    telemetry = {table.address + COMPONENTS.index("telemetry") * row: attitude}
    elf = patched(firmware.elf, telemetry, tmp_path / "broken.elf")
    broken = verify(elf, "--plan", firmware.plan / stored.FILE)
    assert broken.returncode == 1
    trespass = r"^error\[isolation\]: may read.* what belongs to (shared:code|attitude\.\w+) .*\n  at telemetry$"
    assert re.search(trespass, broken.stderr, re.MULTILINE), broken.stderr


@contextmanager
def cvc5_command(folder: Path) -> Iterator[Path]:
    """A command that prints cvc5's answers to a file. This process gives them: loading cvc5 takes longer."""
    asked, answered, command = folder / "asked", folder / "answered", folder / "cvc5"
    os.mkfifo(asked)
    os.mkfifo(answered)
    command.write_text(f'#!/bin/sh\necho "$PWD/$1" >"{asked}"\ncat "{answered}"\n')
    command.chmod(0o755)

    def serve() -> None:
        while name := asked.read_text().strip():
            answered.write_text(cvc5_answer(Path(name).read_text()) or "no cvc5")

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    yield command
    asked.write_text("")
    server.join()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@every_board
def test_cvc5_rechecks_the_evidence_which_is_the_same_twice(built: Built, board: Board, tmp_path: Path) -> None:
    firmware = built(board, "gnu-ld")
    first, second = tmp_path / "first", tmp_path / "second"
    elsewhere = shutil.copy(firmware.elf, tmp_path / "copy.elf")
    for elf, folder in ((firmware.elf, first), (elsewhere, second)):
        done = verify(elf, "--plan", firmware.plan / stored.FILE, "--evidence", folder)
        assert done.returncode == 0, done.stderr
    assert files(first) == files(second)
    questions = len((first / "expected.txt").read_text().splitlines())
    assert questions > 60
    with cvc5_command(tmp_path) as cvc5:
        script: list[str | Path] = ["/bin/sh", first / "check.sh", firmware.elf, cvc5]
        checked = subprocess.run(script, capture_output=True, text=True, check=False, timeout=600)
    assert (checked.returncode, checked.stdout) == (0, f"{questions} questions asked, 0 wrong\n"), checked.stderr


@every_board
def test_every_flipped_bit_of_a_register_word_is_classed(built: Built, board: Board) -> None:
    firmware = built(board, "gnu-ld")
    system = read_manifest(board.manifest, {}).system
    system = measure(system, {component.name: component.objects for component in system.components})
    flips = classify_flips(read_image(firmware.elf), system)
    tables = ("LP_STATIC", "LP_DYNAMIC", "LP_DYNAMIC_CFG")
    sizes = Counter({symbol.name: symbol.size for symbol in read(firmware.elf).defined if symbol.name in tables})
    assert Counter(flip.symbol for flip in flips) == {name: 8 * size for name, size in sizes.items()}
    assert len({(flip.symbol, flip.offset, flip.bit) for flip in flips}) == len(flips)
    expected = {FlipClass.MALFORMED, FlipClass.REFUTED, FlipClass.DONT_CARE}
    if system.unit is not UnitName.PMP:  # which has no memory attributes
        expected.add(FlipClass.ATTRIBUTE)
    assert {flip.outcome for flip in flips} == expected
