"""The report as text: tables for people, readable at 80 columns, plain ASCII where colours are off.

Laid out here and not by a library: a number that does not fit must widen the table, never lose a digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from layoutplan.report.tables import Listing, Table, plan_listings, plan_tables, reasons
from layoutplan.report.wording import Document, answer, is_proved, question

LEAST_WIDTH = 20
"""Sentences are not wrapped narrower than this."""
LEAST_NAME = 8
"""Columns of names are folded down to this many characters or their heading's, no further."""

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"
"""SGR parameters of ECMA-48."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """How wide to write, and whether escape sequences and drawn lines are understood."""

    width: int
    colour: bool

    def styled(self, text: str, *parameters: str) -> str:
        """``text`` in that style where there are colours."""
        return f"\x1b[{';'.join(parameters)}m{text}\x1b[0m" if self.colour and text else text

    @property
    def rule(self) -> str:
        """What horizontal lines are made of."""
        return "─" if self.colour else "-"


def write_text(document: Document, terminal: Terminal) -> str:
    """The report, within the terminal's width where numbers and short names allow it."""
    style = {True: GREEN, False: RED, None: YELLOW}[document["feasible"] and is_proved(document)]
    planned = bool(document["feasible"])
    return write_tables(
        (f"{document['manifest']}: {answer(document)}", question(document)),
        plan_tables(document) if planned else (),
        (*(plan_listings(document) if planned else ()), *reasons(document)),
        terminal,
        style=style,
    )


def write_tables(
    head: Sequence[str],
    tables: Iterable[Table],
    listings: Iterable[Listing],
    terminal: Terminal,
    *,
    style: str | None = None,
) -> str:
    """The lines of ``head``, the first of them bold and in the colour ``style``, then tables, then listings."""
    lines = [terminal.styled(line, BOLD, *([style] if style else [])) for line in wrap(head[0], terminal.width)]
    lines += [line for text in head[1:] for line in wrap(text, terminal.width)]
    for table in tables:
        lines += ["", terminal.styled(table.title, BOLD), *_table_lines(table, terminal)]
    for listing in listings:
        lines += ["", *(terminal.styled(line, BOLD) for line in wrap(listing.title, terminal.width))]
        lines += _listing_lines(listing, terminal)
    return "\n".join(lines) + "\n"


def _table_lines(table: Table, terminal: Terminal) -> Iterator[str]:
    headings = tuple(column.heading for column in table.columns)
    widths = _widths(table, terminal.width - 1)
    rule = " " + terminal.rule * (sum(widths) + 2 * (len(widths) - 1))
    yield from (terminal.styled(line, DIM) for line in _row_lines(table, headings, widths))
    yield rule
    for i, row in enumerate(table.rows):
        last = table.total and i == len(table.rows) - 1
        if last:
            yield rule
        yield from (terminal.styled(line, BOLD) if last else line for line in _row_lines(table, row, widths))


def _widths(table: Table, available: int) -> list[int]:
    """The width of each column: numbers and addresses whole, the widest names folded until the row fits."""
    cells = zip(*((column.heading for column in table.columns), *table.rows), strict=True)
    widths = [max(map(len, column)) for column in cells]
    spare = {
        i: widths[i] - max(LEAST_NAME, len(column.heading))
        for i, column in enumerate(table.columns)
        if not column.number and column.heading != "base"
    }
    while sum(widths) + 2 * (len(widths) - 1) > available and max(spare.values(), default=0) > 0:
        widest = max(spare, key=lambda i: spare[i])
        widths[widest] -= 1
        spare[widest] -= 1
    return widths


def _row_lines(table: Table, row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """One line, or as many as the cell that is folded most often."""
    folded = [wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for pieces in zip_longest(*folded, fillvalue=""):
        cells = (
            piece.rjust(width) if column.number else piece.ljust(width)
            for column, piece, width in zip(table.columns, pieces, widths, strict=True)
        )
        yield (" " + "  ".join(cells)).rstrip()


def _listing_lines(listing: Listing, terminal: Terminal) -> Iterator[str]:
    for item in listing.items:
        yield from wrap(item.text, terminal.width, initial_indent="  - ", subsequent_indent="    ")
        if item.where:
            yield from wrap(f"at {item.where}", terminal.width, initial_indent="    ", subsequent_indent="    ")
