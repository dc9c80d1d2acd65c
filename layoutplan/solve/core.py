"""From an infeasible question to a core in which every constraint is needed."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from layoutplan.solve.effort import Effort
from layoutplan.solve.facts import Fact
from layoutplan.solve.homes import propose
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem
from layoutplan.solve.relax import keeping

if TYPE_CHECKING:
    from layoutplan.solve.record import Record

SEARCH_SHARE = 20
"""The search gets this part of the effort for one deletion: most subsets are decided in a few steps."""

Z3_SHARE = 4
"""Z3 gets this part for those that the search leaves open."""


class Holds(enum.Enum):
    """Whether some constraints hold together."""

    YES = enum.auto()
    NO = enum.auto()
    UNKNOWN = enum.auto()


class CoreFinder:
    """Decides subsets of the constraints: the search where it is exact, Z3, unless ``record`` is none, for the rest."""

    def __init__(self, problem: Problem, placer: Placer, record: Record | None, effort: int) -> None:
        self._problem = problem
        self._placer = placer
        self._record = record
        self._effort = effort

    def minimal(self, core: Sequence[Fact]) -> tuple[tuple[Fact, ...], bool]:
        """``core`` less every fact that is not needed, and whether each that is left was shown to be.

        Whole memories are tried first. Then one fact at a time, from the end: blocks before lengths, small blocks
        before large ones, so that the report names the large.
        """
        left = list(core)
        minimal = True
        for home in range(len(self._problem.spaces)):
            rest = [fact for fact in left if not self._is_about(fact, home)]
            if len(rest) < len(left) and self._holds(rest)[0] is Holds.NO:
                left = rest
        for fact in reversed(core):
            if fact not in left:
                continue
            rest = [other for other in left if other != fact]
            verdict, smaller = self._holds(rest)
            if verdict is Holds.NO:
                left = [other for other in rest if other in smaller]
            elif verdict is Holds.UNKNOWN:
                minimal = False
        return tuple(left), minimal

    def _is_about(self, fact: Fact, home: int) -> bool:
        problem = self._problem
        match fact.kind:
            case "memory" | "kernel":
                return fact.index == home
            case "reserve":
                return problem.system.reserves[fact.index].memory == problem.spaces[home].name
            case "block" | "pin" | "split":
                return problem.homes(problem.items[fact.index]) == (home,)
        return False

    def _holds(self, facts: Sequence[Fact]) -> tuple[Holds, Sequence[Fact]]:
        """The answer for ``facts``; when it is no, with those among them that were used."""
        searched = propose(
            keeping(self._problem, facts), self._placer, Effort(self._effort // SEARCH_SHARE), any_will_do=True
        )
        if searched.proposal is not None:
            return Holds.YES, ()
        if searched.decided:
            return Holds.NO, facts
        from layoutplan.solve.record import No, Yes

        if self._record is None:
            return Holds.UNKNOWN, ()
        answer = self._record.check(facts, self._effort // Z3_SHARE)
        if isinstance(answer, No):
            return Holds.NO, answer.core
        return (Holds.YES if isinstance(answer, Yes) else Holds.UNKNOWN), ()
