"""Z3 over the obligations' text, in process: parsed once, each question in a solver of its own."""

from __future__ import annotations

import enum
from collections.abc import Sequence

RESOURCE_LIMIT = 20_000_000
"""Z3 ``rlimit`` for one question; measured need is under a hundredth. Past it the answer is unknown, never yes."""


class Answer(enum.StrEnum):
    """What a solver says."""

    SAT = "sat"
    UNSAT = "unsat"
    UNKNOWN = "unknown"


def decide_file(text: str) -> Answer:
    """The answer to the one question of an SMT-LIB file."""
    import z3  # type: ignore[import-untyped]  # z3 ships no types

    context = z3.Context()
    solver = z3.SimpleSolver(ctx=context)
    solver.set("rlimit", RESOURCE_LIMIT)
    solver.add(z3.parse_smt2_string(text, ctx=context))
    return Answer(str(solver.check()))


def decide(
    definitions: str, assertions: Sequence[str], *, witnessed: int | None = None
) -> list[tuple[Answer, int | None]]:
    """For each assertion over ``definitions``: the answer and, where satisfiable, the value of ``a`` if it matters.

    Only the first ``witnessed`` (default: all) give a value: a model costs more than an answer.
    """
    import z3

    context = z3.Context()
    text = definitions + "\n".join(f"(assert {assertion})" for assertion in assertions)
    parsed = z3.parse_smt2_string(text, ctx=context)
    if len(parsed) != len(assertions):
        raise AssertionError(f"{len(assertions)} questions were asked and {len(parsed)} understood")
    address = z3.BitVec("a", 36, ctx=context)
    answers: list[tuple[Answer, int | None]] = []
    for index, formula in enumerate(parsed):
        solver = z3.SimpleSolver(ctx=context)  # half the time of the QF_BV tactic on questions this small
        solver.set("rlimit", RESOURCE_LIMIT)
        solver.add(formula)
        answer = Answer(str(solver.check()))
        value: int | None = None
        if answer is Answer.SAT and (witnessed is None or index < witnessed):
            found = solver.model().eval(address)
            value = found.as_long() if z3.is_bv_value(found) else None
        answers.append((answer, value))
    return answers
