"""The report as text: tables for people, readable at 80 columns, plain ASCII where colours are off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from layoutplan.report.tables import Listing, Table, plan_listings, plan_tables, reasons
from layoutplan.report.wording import Document, answer, is_proved, question

if TYPE_CHECKING:
    from rich.console import Console


def write_text(document: Document, *, width: int, colour: bool) -> str:
    """The report in ``width`` columns, with colours and drawn lines only if ``colour``."""
    style = {True: "green", False: "red", None: "yellow"}[document["feasible"] and is_proved(document)]
    planned = bool(document["feasible"])
    return write_tables(
        (f"{document['manifest']}: {answer(document)}", question(document)),
        plan_tables(document) if planned else (),
        (*(plan_listings(document) if planned else ()), *reasons(document)),
        width=width,
        colour=colour,
        style=style,
    )


def write_tables(
    head: Sequence[str],
    tables: Iterable[Table],
    listings: Iterable[Listing],
    *,
    width: int,
    colour: bool,
    style: str = "default",
) -> str:
    """The lines of ``head``, the first of them bold in ``style``, then tables, then listings."""
    out = StringIO()
    console = _console(out, width=width, colour=colour)
    console.print(head[0], style=f"bold {style}")
    for line in head[1:]:
        console.print(line)
    for table in tables:
        _print_table(console, table, colour=colour)
    for listing in listings:
        _print_listing(console, listing)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _console(out: StringIO, *, width: int, colour: bool) -> Console:
    from rich.console import Console

    return Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _print_table(console: Console, table: Table, *, colour: bool) -> None:
    """A blank line, the title and the table; numbers are never broken, names fold."""
    from rich import table as rich_table
    from rich.box import Box
    from rich.padding import Padding

    rule = " ── " if colour else " -- "
    lines = Box("\n".join(("    ", "    ", rule, "    ", rule, "    ", "    ", "    ")) + "\n", ascii=not colour)
    drawn = rich_table.Table(box=lines, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        whole = column.number or column.heading == "base"
        drawn.add_column(column.heading, justify="right" if column.number else "left", no_wrap=whole, overflow="fold")
    for i, row in enumerate(table.rows):
        last = table.total and i == len(table.rows) - 1
        if last:
            drawn.add_section()
        drawn.add_row(*row, style="bold" if last else None)
    console.print()
    console.print(table.title, style="bold")
    console.print(Padding(drawn, (0, 0, 0, 1)))


def _print_listing(console: Console, listing: Listing) -> None:
    """A blank line, the title and its sentences, indented."""
    from rich.padding import Padding
    from rich.table import Table as Grid

    console.print()
    console.print(listing.title, style="bold")
    for item in listing.items:
        grid = Grid.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        grid.add_row("-", item.text)
        if item.where:
            grid.add_row("", f"at {item.where}")
        console.print(Padding(grid, (0, 0, 0, 2)))
