"""How long each obligation takes Z3, the enumeration and, where installed, cvc5: milliseconds of processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.check.evidence import questions_of
from layoutplan.check.proof.case import Case
from layoutplan.check.proof.prove import decide_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One obligation. ``cvc5`` is ``None`` where the module is missing."""

    name: str
    z3: float
    cvc5: float | None
    enumeration: float


def timings(case: Case) -> Iterator[Timing]:
    """Every obligation of ``case``, each solver reading the whole file by itself."""
    for name, text, enumeration in questions_of(case):
        started = time.process_time()
        decide_file(text)
        z3_time = time.process_time() - started
        yield Timing(name=name, z3=1000 * z3_time, cvc5=_cvc5(text), enumeration=1000 * enumeration)


def cvc5_answer(text: str) -> str | None:
    """What cvc5 says of a file's text; ``None`` where the module is missing."""
    try:
        import cvc5  # type: ignore[import-untyped,import-not-found,unused-ignore]  # no types; for tests only
    except ImportError:
        return None
    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    symbols = parser.getSymbolManager()
    answer = ""
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return answer.strip()
        answer += command.invoke(solver, symbols)


def _cvc5(text: str) -> float | None:
    started = time.process_time()
    if cvc5_answer(text) is None:
        return None
    return 1000 * (time.process_time() - started)
