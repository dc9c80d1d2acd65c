"""The question, the search's proposal, and Z3's answer."""

from __future__ import annotations

from typing import Literal

from layoutplan.model.component import System
from layoutplan.model.lock import Lock
from layoutplan.model.plan import Infeasible, Outcome, OutOfEffort, Solved
from layoutplan.solve.capacity import impossible
from layoutplan.solve.core import minimal_core
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.facts import told
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.homes import proposals
from layoutplan.solve.joint import Layout, compacted
from layoutplan.solve.kept import kept
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of
from layoutplan.solve.result import plan_of


def solve(
    system: System,
    *,
    lock: Lock | None = None,
    effort: int = DEFAULT_EFFORT,
    solver: Literal["auto", "z3"] = "auto",
    update: bool = False,
) -> Outcome:
    """A plan for ``system``, or the constraints that forbid one, or neither within ``effort`` steps.

    A ``lock`` that still checks is kept unless ``update``. ``solver="z3"`` asks Z3 alone, without a search. The same
    arguments give the same outcome whatever the machine. Raises ``BadInput`` for a fault in the question itself.
    """
    problem = problem_of(system)
    placer = Placer(problem.unit)
    if core := impossible(problem):
        return Infeasible(core=told(problem, core), minimal=True)
    layout = _proposed(problem, placer, lock if not update else None, effort, search=solver == "auto")
    if layout is not None:
        return _solved(problem, placer, layout)
    return _asked(problem, placer, effort)


def _proposed(problem: Problem, placer: Placer, lock: Lock | None, effort: int, *, search: bool) -> Layout | None:
    """The lock's layout or the search's, once Z3 has accepted it."""
    from layoutplan.solve.record import Record, Yes

    candidates: list[Layout] = []
    if lock is not None and (layout := kept(problem, lock)) is not None:
        candidates.append(layout)
    elif search:
        candidates += (layout for layout in [next(proposals(problem, placer, Effort(effort)), None)] if layout)
    for candidate in candidates:
        record = Record(problem, candidate)
        if isinstance(record.check(record.facts, effort), Yes):
            return candidate
    return None


def _asked(problem: Problem, placer: Placer, effort: int) -> Outcome:
    """Z3's own answer, with nothing proposed."""
    from layoutplan.solve.record import Record, Unknown, Yes

    record = Record(problem)
    answer = record.check(record.facts, effort)
    if isinstance(answer, Yes):
        return _solved(problem, placer, compacted(problem, placer, record.layout()))
    if isinstance(answer, Unknown):
        return OutOfEffort(reason=f"neither a layout nor its impossibility was found within {effort} steps")
    core, minimal = minimal_core(record, answer.core, effort)
    return Infeasible(core=told(problem, core), minimal=minimal)


def _solved(problem: Problem, placer: Placer, layout: Layout) -> Solved:
    floor = floor_of(problem, padding_options(problem, placer, layout.homes))
    return Solved(plan=plan_of(problem, layout, floor.bound))
