"""The evidence folder: read by cvc5 and by its own script, repeated byte for byte, spoiled and refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import z3  # type: ignore[import-untyped]  # z3 ships no types

from layoutplan.check.elf.image import read_image
from layoutplan.check.evidence import evidence_files
from layoutplan.check.proof.prove import decide_file
from layoutplan.check.sabotage import reference, reference_image
from layoutplan.check.timing import cvc5_answer
from layoutplan.model.access import UnitName
from tests import toolchain

Z3 = Path(sys.executable).parent / "z3"


def folder(unit: UnitName, tmp_path: Path) -> tuple[Path, Path, dict[str, str]]:
    elf, out = tmp_path / "firmware.elf", tmp_path / "evidence"
    elf.write_bytes(reference_image.image(unit).elf())
    verdict, files = evidence_files(elf, reference.system(unit))
    assert verdict.holds
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return elf, out, files


def check(out: Path, elf: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", out / "check.sh", elf, "./z3"], cwd=Z3.parent, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unit", reference.UNITS)
def test_cvc5_and_z3_give_every_expected_answer(unit: UnitName, tmp_path: Path) -> None:
    toolchain.module("cvc5")
    _, _, files = folder(unit, tmp_path)
    expected = [line.split() for line in files["expected.txt"].splitlines()]
    assert len(expected) > 50
    for answer, name in expected:
        assert cvc5_answer(files[name]) == answer, name
        # Z3 reads the same text in process at every check; the files are read back for one unit.
        assert unit is not UnitName.ARMV7M or decide_file(files[name]).value == answer, name


@pytest.mark.parametrize("unit", reference.UNITS)
def test_the_interval_tables_are_those_that_the_questions_speak_of(unit: UnitName, tmp_path: Path) -> None:
    _, _, files = folder(unit, tmp_path)
    for partition in reference.PARTITIONS:
        rows = [line.split() for line in files[f"intervals/{partition}.txt"].splitlines()[1:]]
        question = files[f"intervals/{partition}.smt2"]
        asserted = question[question.rindex("(assert") :]
        letters = {"001": "r", "011": "rw", "101": "rx", "111": "rwx"}
        assert len(rows) == asserted.count("(within") > 2
        for base, end, rights, _ in rows:
            bits = next(bits for bits, text in letters.items() if text == rights)
            assert f"(within a #x{int(base, 16):09x} #x{int(end, 16):09x}) #b{bits}" in asserted


def test_the_folder_is_the_same_twice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, _, first = folder(UnitName.ARMV7M, tmp_path / "a")
    _, _, second = folder(UnitName.ARMV7M, tmp_path / "b")
    assert first == second


@pytest.mark.parametrize("unit", reference.UNITS)
def test_the_index_ties_words_and_questions_to_the_image(unit: UnitName, tmp_path: Path) -> None:
    elf, out, _ = folder(unit, tmp_path)
    data, index = elf.read_bytes(), json.loads((out / "index.json").read_text())
    assert index["image"] == hashlib.sha256(data).hexdigest()
    assert (index["version"], index["unit"], index["partitions"]) == (1, unit.value, sorted(reference.PARTITIONS))
    assert index["tool"] == f"layoutplan {metadata.version('layoutplan')}"
    assert index["solver"] == f"z3 {z3.get_version_string()}"
    image, table = read_image(elf), reference_image.image(unit)
    assert len(index["words"]) > 50
    for word in index["words"]:
        at = data[word["offset"] : word["offset"] + 4]
        assert at.hex() == word["bytes"], word["name"]
        # The name leads to the same place by another way: the address of the symbol that the image was made with.
        symbol, _, place = word["name"].partition("+")
        assert image.file_offset(table.symbols[symbol][0] + int(place), 4) == word["offset"]
        assert int.from_bytes(at, "little") == table.word(symbol, int(place)), word["name"]
    questions = {path.relative_to(out).as_posix(): path for path in out.rglob("*.smt2")}
    assert set(index["files"]) == set(questions)
    for name, entry in index["files"].items():
        assert entry["sha256"] == hashlib.sha256(questions[name].read_bytes()).hexdigest(), name
        expected = "sat" if name.startswith(("controls/", "witnesses/")) else "unsat"
        assert entry["expected"] == expected, name
    asked = [name for name in questions if name.startswith("obligations/")]
    assert index["obligations"] == len(asked) > 0


def test_the_script_checks_the_folder_alone(tmp_path: Path) -> None:
    elf, out, files = folder(UnitName.ARMV7M, tmp_path)
    good = check(out, elf)
    questions = len(files["expected.txt"].splitlines())
    assert (good.returncode, good.stdout) == (0, f"{questions} questions asked, 0 wrong\n"), good.stderr
    image = reference_image.image(UnitName.ARMV7M)
    image.patch("LP_DYNAMIC", 4, image.word("LP_DYNAMIC", 4) ^ 2)
    elf.write_bytes(image.elf())
    assert check(out, elf).returncode != 0
    question = out / "obligations" / "isolation.uart.smt2"
    question.write_text(question.read_text().replace("(assert ", "(assert false) (assert ", 1))
    assert "isolation.uart.smt2: FAILED" in check(out, elf).stdout
