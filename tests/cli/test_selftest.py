"""``layoutplan selftest``: yes where the checker notices everything, and not where it has gone blind."""

from __future__ import annotations

import itertools

import pytest

from layoutplan.check import selftest
from layoutplan.check.sabotage.broken_images import IMAGES, ImageSabotage
from layoutplan.check.sabotage.defects import DEFECTS
from layoutplan.check.sabotage.plans import Sabotage
from layoutplan.check.sabotage.registers import REGISTERS
from layoutplan.check.sabotage.structure import STRUCTURE
from layoutplan.cli import verification
from layoutplan.cli.main import _run
from layoutplan.errors import ExitStatus
from layoutplan.model.access import UnitName
from layoutplan.model.evidence import Verdict

UNIT = UnitName.ARMV8M
"""The quickest of the four; the others' corpora are run, row by row, in tests/check."""


def test_everything_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(verification, "run_corpus", lambda: selftest.selftest([UNIT]))
    status = _run(["selftest"])
    told = capsys.readouterr()
    *rows, last = told.out.splitlines()
    assert (status, told.err, last) == (ExitStatus.YES, "", "the checker noticed everything")
    assert all(row.startswith(f"ok   {UNIT} ") for row in rows)
    everything: tuple[Sabotage | ImageSabotage, ...] = (*STRUCTURE, *REGISTERS, *DEFECTS, *IMAGES)
    corpus = [s for s in everything if UNIT in s.units]
    assert len(corpus) > 100
    for sabotage in corpus:
        assert any(f" {sabotage.rule} " in row and f" {sabotage.name}: " in row for row in rows), sabotage.name
    assert any(" each bit flipped: " in row and ", 0 missed" in row for row in rows)


def test_a_checker_that_says_yes_to_all_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "check_plan", lambda *_: Verdict(obligations=1, proved=1))
    monkeypatch.setattr(verification, "run_corpus", lambda: itertools.islice(selftest.selftest([UNIT]), 12))
    assert _run(["selftest"]) == ExitStatus.OUR_BUG
    good_plan, good_image, *broken, last = capsys.readouterr().out.splitlines()
    assert good_plan.startswith("ok  ")
    assert good_image.startswith("ok  ")
    assert [row[:4] for row in broken] == ["FAIL"] * 10
    assert last == "10 failed"
