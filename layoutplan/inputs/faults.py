"""Collects faults of one manifest, so that all are told at once, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.location import Locations


class Faults:
    """The faults found so far. ``add`` takes the key path that is wrong, ``raise_any`` ends the reading."""

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._found: list[Fault] = []

    def add(self, code: str, path: Sequence[str | int], message: str, hint: str) -> None:
        """Record one fault at a key path, with one way out of it."""
        self._found.append(Fault(code=code, message=message, where=self._locations.of(path), hint=hint))

    def extend(self, found: Iterable[Fault]) -> None:
        """Record faults that have a place of their own, in another file."""
        self._found.extend(found)

    def raise_any(self) -> None:
        """``BadInput`` with every fault, when there is one."""
        if self._found:
            raise BadInput(self._found)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like ``word``, or lists them when none is alike, or says that none is."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    if not names:
        return "nothing of that kind is described yet: describe it, or leave this out"
    return "known here: " + ", ".join(f"`{name}`" for name in names)
