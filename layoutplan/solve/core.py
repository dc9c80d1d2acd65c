"""From an unsatisfiable core to one in which every constraint is needed."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.solve.facts import Fact
from layoutplan.solve.record import No, Record, Unknown

DELETION_SHARE = 4
"""A deletion gets this part of the effort: most are decided at once, and the hard ones are as hard as the question."""


def minimal_core(record: Record, core: Sequence[Fact], effort: int) -> tuple[tuple[Fact, ...], bool]:
    """The core with every fact deleted that is not needed, and whether each that is left was shown to be.

    ``core`` is in the order of :func:`facts_of`; small blocks, at its end, are tried first, so that the report names
    the large ones.
    """
    left = list(core)
    minimal = True
    for fact in reversed(core):
        if fact not in left:
            continue
        rest = [other for other in left if other != fact]
        answer = record.check(rest, effort // DELETION_SHARE)
        if isinstance(answer, No):
            left = [other for other in rest if other in answer.core]
        elif isinstance(answer, Unknown):
            minimal = False
    return tuple(left), minimal
