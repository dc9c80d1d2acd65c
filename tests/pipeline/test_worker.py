from __future__ import annotations

import os
import time

import pytest

from layoutplan.errors import BadInput, ExitStatus, Fault, Undecided
from layoutplan.pipeline.worker import WorkerFailed, run_killable


def test_the_answer_comes_back() -> None:
    assert run_killable(lambda: ("yes", 42), timeout=600) == ("yes", 42)


def test_faults_cross_the_process_boundary() -> None:
    fault = Fault(code="region-size", message="too large", where="layout.toml:1", hint="less")

    def refuse() -> None:
        raise BadInput([fault])

    with pytest.raises(BadInput) as caught:
        run_killable(refuse, timeout=600)
    assert caught.value.faults == (fault,)


def test_a_child_that_does_not_return_is_killed_and_undecided() -> None:
    before = time.monotonic()
    with pytest.raises(Undecided) as caught:
        run_killable(lambda: time.sleep(600), timeout=0.2)
    assert caught.value.status is ExitStatus.UNDECIDED
    assert caught.value.faults[0].code == "timeout"
    assert time.monotonic() - before < 60


def test_a_child_that_dies_is_our_bug_not_an_answer() -> None:
    with pytest.raises(WorkerFailed) as caught:
        run_killable(lambda: os._exit(9), timeout=600)
    assert caught.value.status is ExitStatus.OUR_BUG
    assert "status 9" in str(caught.value)


def test_a_bug_in_the_child_is_reported_with_its_traceback() -> None:
    with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
        run_killable(lambda: 1 // 0, timeout=600)
