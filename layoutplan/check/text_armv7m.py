"""Register words of PMSAv7 as literals in SMT-LIB text over ``armv7m.smt2``."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.check.script import word
from layoutplan.model.memory import Target
from layoutplan.model.plan import Words


class TextArmv7m:
    """Functions ``decider.P``, ``user.P``, ``privileged.P`` for one partition's words."""

    prelude = "armv7m.smt2"
    malformed_pair: Words = (0x0000_0000, 0xFFFF_FFFF)

    def functions(self, partition: str, words: Sequence[Words], target: Target) -> str:
        """The highest-numbered region that matches decides; zero where none does."""
        del target
        decider, depth = "", 0
        for rbar, rasr in reversed(words):
            decider += f"(ite (matches {word(rbar)} {word(rasr)} a) {word(rasr)}\n  "
            depth += 1
        decider += word(0) + ")" * depth
        return (
            f"(define-fun decider.{partition} ((a Addr)) Word {decider})\n"
            f"(define-fun user.{partition} ((a Addr)) Rights (user (decider.{partition} a)))\n"
            f"(define-fun privileged.{partition} ((a Addr)) Rights (privileged (decider.{partition} a) a))"
        )

    def malformed(self, words: Sequence[Words], target: Target) -> list[str]:
        """One term for each slot."""
        del target
        return [f"(malformed {word(rbar)} {word(rasr)})" for rbar, rasr in words]
