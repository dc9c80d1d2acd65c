"""The report as Markdown, for a merge request or a README."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from layoutplan.report.tables import Column, Listing, Table, plan_listings, plan_tables, reasons, register_tables
from layoutplan.report.wording import Document, answer, question


def write_markdown(document: Document) -> str:
    """The facts of the text report and the registers, in tables that GitHub and GitLab draw."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# Memory plan of {code(document['manifest'])}"
    yield from ("", f"**{escaped(answer(document))}**", "", escaped(question(document)))
    if document["feasible"]:
        for table in plan_tables(document):
            yield from table_lines(table)
        for listing in plan_listings(document):
            yield from listing_lines(listing)
    for listing in reasons(document):
        yield from listing_lines(listing)
    for table in register_tables(document):
        yield from table_lines(table)


def table_lines(table: Table) -> Iterator[str]:
    """A heading and a table."""
    yield from ("", f"## {escaped(table.title)}", "")
    yield _row(escaped(column.heading) for column in table.columns)
    yield _row("---:" if column.number else "---" for column in table.columns)
    for i, row in enumerate(table.rows):
        last = table.total and i == len(table.rows) - 1
        yield _row(_cell(column, text, last) for column, text in zip(table.columns, row, strict=True))


def listing_lines(listing: Listing) -> Iterator[str]:
    """A heading and a list."""
    yield from ("", f"## {escaped(listing.title)}", "")
    for item in listing.items:
        yield f"- {escaped(item.text)}" + (f" (at {code(item.where)})" if item.where else "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: Column, text: str, bold: bool) -> str:
    if bold:
        return f"**{escaped(text)}**" if text else ""
    return code(text) if column.code else escaped(text)


def code(text: str) -> str:
    """A name in a code face: manifest names and addresses hold no back-tick; a file name that does is escaped."""
    return escaped(text) if "`" in text or "|" in text else f"`{text}`"


def escaped(text: str) -> str:
    """The text with what Markdown would read as markup escaped, except code spans that the text itself sets."""
    pieces = re.split(r"(`[^`|]*`)", text)
    return "".join(piece if i % 2 else re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", piece) for i, piece in enumerate(pieces))
