"""What can go wrong, as data: faults with a stable code, and the exceptions that carry them to the exit status."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass


def plural(count: int, noun: str) -> str:
    """``1 slot``, ``2 slots``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class ExitStatus(enum.IntEnum):
    """The meaning of the process's exit status. Build scripts rely on it."""

    YES = 0
    NO = 1
    BAD_INPUT = 2
    UNDECIDED = 3
    OUR_BUG = 70


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """One thing that is wrong: what (with the limit it breaks), where, and one way out.

    ``code`` is stable and lower-case (``region-size``); ``where`` is a file with a line and a key path, or an ELF
    file with a section or symbol; ``hint`` is one action that the reader can take.
    """

    where: str = ""
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        if self.where:
            lines.append(f"  at {self.where}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def _reading_order(fault: Fault) -> tuple[list[tuple[int, str]], Fault]:
    """By place first, where line 9 comes before line 10.

    Numbers are compared as text, the shorter first: a key may hold more digits than Python makes a number of.
    """
    words = re.split(r"0*([0-9]+)", fault.where)
    return [(len(word), word) if number % 2 else (-1, word) for number, word in enumerate(words)], fault


class LayoutplanError(Exception):
    """Faults that end a command. Every subclass fixes the exit status.

    The faults are sorted as they stand in the file, so that the order in which they were found does not show.
    """

    status: ExitStatus = ExitStatus.OUR_BUG

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults), key=_reading_order))
        if not self.faults:
            raise ValueError("an error without a fault")
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[LayoutplanError], tuple[tuple[Fault, ...]]]:
        # BaseException would rebuild itself from the message; a worker process hands over the faults.
        return type(self), (self.faults,)


class BadInput(LayoutplanError):
    """The manifest, an object, the lock or an argument is wrong: exit status 2, nothing written."""

    status = ExitStatus.BAD_INPUT


class Undecided(LayoutplanError):
    """The effort or the time ran out before an answer: exit status 3. Never folded into yes or no."""

    status = ExitStatus.UNDECIDED
