"""Runs a function in a child process that can be killed: Z3 may not return, and must not take the build with it."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import sys
from collections.abc import Callable
from typing import TypeVar, cast

from layoutplan.errors import ExitStatus, Fault, LayoutplanError, Undecided

T = TypeVar("T")


class WorkerFailed(LayoutplanError):
    """The child died or raised something that is not ours to explain: a bug, exit status 70."""

    status = ExitStatus.OUR_BUG


def run_killable(work: Callable[[], T], timeout: float, meanwhile: Callable[[], None] = lambda: None) -> T:
    """What ``work()`` returns, computed in a child process while this one does ``meanwhile()``.

    The child's `LayoutplanError` is raised here. ``Undecided`` when it has not answered after ``timeout`` seconds of
    wall clock; ``WorkerFailed`` when it died.
    """
    # fork hands over the decoded inputs for nothing; elsewhere the callable is pickled.
    multiprocessing.set_start_method("fork" if sys.platform == "linux" else "spawn", force=True)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.Process(target=_send_result, args=(sender, work), daemon=True)
    child.start()
    sender.close()
    try:
        meanwhile()
        if not receiver.poll(timeout):
            raise Undecided(
                [
                    Fault(
                        code="timeout",
                        message=f"no answer after {timeout:g} s of wall clock; the solver was stopped",
                        hint="give `--timeout` more seconds, or `--effort 0` for a smaller search",
                    )
                ]
            )
        answer = receiver.recv()
    except EOFError:
        child.join()
        raise WorkerFailed(
            [
                Fault(
                    code="solver-died",
                    message=f"the solver's process ended with status {child.exitcode} before it answered",
                    hint="look for a memory limit; otherwise report this with your layout.toml",
                )
            ]
        ) from None
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        receiver.close()
    if isinstance(answer, LayoutplanError):
        raise answer
    if isinstance(answer, _Crash):
        raise WorkerFailed(
            [Fault(code="internal", message=answer.text, hint="please report this with your layout.toml")]
        )
    return cast(T, answer)


class _Crash:
    def __init__(self, text: str) -> None:
        self.text = text


def _send_result(sender: multiprocessing.connection.Connection, work: Callable[[], object]) -> None:
    try:
        answer = work()
    except LayoutplanError as error:
        answer = error
    except Exception:  # noqa: BLE001 - the one place where a bug becomes a message for the parent
        import traceback

        answer = _Crash(traceback.format_exc())
    sender.send(answer)
    sender.close()
