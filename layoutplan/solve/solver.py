"""The question, the search's proposal, and Z3's answer."""

from __future__ import annotations

from typing import Literal

from layoutplan.model.component import System
from layoutplan.model.lock import Lock
from layoutplan.model.plan import Infeasible, Outcome, OutOfEffort, Solved
from layoutplan.solve.capacity import impossible
from layoutplan.solve.core import CoreFinder
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.facts import Fact, facts_of, told
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.homes import Proposal, Searched, propose
from layoutplan.solve.joint import Layout, compacted
from layoutplan.solve.kept import conflicts, kept
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of
from layoutplan.solve.result import plan_of
from layoutplan.solve.shared_bounds import generous
from layoutplan.solve.steady import steadied
from layoutplan.solve.tangle import tangled, with_plain_covers, without


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
        # Counting shows it at once; a smaller core than the counted one may come from rounding.
        core, minimal = CoreFinder(problem, placer, None, effort).minimal(core)
        return _infeasible(problem, core, effort, minimal=minimal)
    known = lock if not update else None
    searched = Searched(None, False)
    if known is not None and (layout := kept(problem, known)) is not None:
        searched = Searched(_bounded(problem, placer, layout), True)
    elif solver == "auto":
        searched = propose(problem, placer, Effort(effort))
    proposal = searched.proposal
    if proposal is not None and known is not None:
        steady = steadied(problem, placer, known, proposal.layout, Effort(effort))
        steady = proposal.layout if conflicts(problem, steady) else steady
        proposal = Proposal(steady, proposal.bound if steady.homes == proposal.layout.homes else 0)
    if proposal is not None and tangled(problem, proposal.layout):
        # Rare: two blocks of one partition, each inside the other's surplus. The bound holds for all covers.
        plain = without(problem)
        layout = with_plain_covers(plain, proposal.layout)
        if layout is None and (found := propose(plain, Placer(plain.unit), Effort(effort)).proposal) is not None:
            layout = found.layout
        if layout is not None:
            problem, proposal = plain, Proposal(layout, proposal.bound)
    if proposal is not None and _accepted(problem, proposal.layout, effort):
        return Solved(plan=plan_of(problem, proposal.layout, proposal.bound))
    return _asked(problem, placer, effort, infeasible=proposal is None and searched.decided)


def _accepted(problem: Problem, layout: Layout, effort: int) -> bool:
    """Whether Z3 finds every constraint kept by ``layout``."""
    from layoutplan.solve.record import Record, Yes

    record = Record(problem, layout)
    return isinstance(record.check(record.facts, effort), Yes)


def _asked(problem: Problem, placer: Placer, effort: int, *, infeasible: bool) -> Outcome:
    """Z3's own answer, with nothing proposed. ``infeasible``: an exact search has already shown that none exists."""
    from layoutplan.solve.record import No, Record, Yes

    if not infeasible:
        lean = Record(problem, lean=True)
        answer = lean.check(lean.facts, effort)
        if isinstance(answer, Yes):
            found = compacted(problem, placer, lean.layout())
            if tangled(problem, found) or conflicts(problem, found):
                found = lean.layout()
            proposal = _bounded(problem, placer, found)
            return Solved(plan=plan_of(problem, proposal.layout, proposal.bound))
        if not isinstance(answer, No):
            return OutOfEffort(reason=f"neither a layout nor its impossibility was found within {effort} steps")
    else:
        core, minimal = CoreFinder(problem, placer, None, effort).minimal(facts_of(problem))
        if minimal:
            return _infeasible(problem, core, effort, minimal=True)
    record = Record(problem)
    answer = record.check(record.facts, effort)
    start = answer.core if isinstance(answer, No) else record.facts
    core, minimal = CoreFinder(problem, placer, record, effort).minimal(start)
    return _infeasible(problem, core, effort, minimal=minimal)


def _infeasible(problem: Problem, core: tuple[Fact, ...], effort: int, *, minimal: bool) -> Infeasible:
    from layoutplan.solve.ways_out import ways_out

    return Infeasible(core=told(problem, core), minimal=minimal, remedies=ways_out(problem, core, effort))


def _bounded(problem: Problem, placer: Placer, layout: Layout) -> Proposal:
    """A layout that no search has judged, with the joint floor as its bound."""
    floor = floor_of(generous(problem), padding_options(generous(problem), placer, layout.homes))
    return Proposal(layout, min(floor.bound, layout.value))
