"""Floor 4: one document about an outcome, and its writers.

The writers read nothing but the document, so that a stored ``plan.json`` prints as the run did that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layoutplan.errors import Fault
    from layoutplan.model.component import Budget, System
    from layoutplan.model.evidence import Verdict
    from layoutplan.model.plan import Advice, Outcome

Document = Mapping[str, Any]


def document(
    system: System, outcome: Outcome, verdict: Verdict | None, advice: tuple[Advice, ...] | None = None
) -> dict[str, Any]:
    """The report on ``outcome``.

    ``verdict`` is ``None`` where there was no plan to check, ``advice`` where nobody asked for any.
    """
    from layoutplan.report import contents

    return contents.document(system, outcome, verdict, advice)


def report_schema() -> dict[str, Any]:
    """The JSON Schema of ``document``'s result."""
    from layoutplan.report import schema

    return schema.report_schema()


def over_budget(document: Document, budget: Budget) -> tuple[Fault, ...]:
    """One fault per limit of the budget that the plan exceeds."""
    from layoutplan.report import budget as limits

    return limits.over_budget(document, budget)


def text(document: Document, *, width: int = 80, colour: bool = False) -> str:
    """Tables for people in ``width`` columns; plain ASCII unless ``colour``, which is for terminals."""
    from layoutplan.report.terminal import LEAST_WIDTH, Terminal, write_text

    return write_text(document, Terminal(width=max(LEAST_WIDTH, width), colour=colour))


def json(document: Document) -> str:
    """The document itself, indented, in a stable order."""
    from layoutplan.report import structured

    return structured.write_json(document)


def csv(document: Document) -> str:
    """One row per component and block, and per share."""
    from layoutplan.report import structured

    return structured.write_csv(document)


def markdown(document: Document) -> str:
    """Tables that GitHub and GitLab draw."""
    from layoutplan.report.markup import write_markdown

    return write_markdown(document)


def html(document: Document) -> str:
    """One self-contained page with a memory map to scale."""
    from layoutplan.report.page import write_html

    return write_html(document)


def memory_map_svg(document: Document) -> str:
    """The memory map alone, for a README."""
    from layoutplan.report.page import write_map

    return write_map(document)


def difference(old: Document, new: Document) -> dict[str, Any]:
    """What moved, grew or got padded from one report to another."""
    from layoutplan.report import comparison

    return comparison.difference(old, new)


def difference_text(changes: Document, *, width: int = 80, colour: bool = False) -> str:
    """``difference``'s result for people."""
    from layoutplan.report.comparison import write_difference
    from layoutplan.report.terminal import LEAST_WIDTH, Terminal

    return write_difference(changes, Terminal(width=max(LEAST_WIDTH, width), colour=colour))


def difference_json(changes: Document) -> str:
    """``difference``'s result for programs."""
    return json(changes)


def explain(document: Document, subject: str | int) -> dict[str, Any]:
    """Who owns an address or name, and who may touch it; ``BadInput`` for a name that the report does not hold."""
    from layoutplan.report import lookup

    return lookup.explain(document, subject)


def explain_text(found: Document, *, width: int = 80, colour: bool = False) -> str:
    """``explain``'s result for people."""
    from layoutplan.report.lookup import write_explanation
    from layoutplan.report.terminal import LEAST_WIDTH, Terminal

    return write_explanation(found, Terminal(width=max(LEAST_WIDTH, width), colour=colour))


def explain_json(found: Document) -> str:
    """``explain``'s result for programs."""
    return json(found)
