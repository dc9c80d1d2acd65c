"""Talk for people, on stderr; data goes to stdout, as wide as the terminal is."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import click

from layoutplan.errors import Fault


def explain_faults(faults: Iterable[Fault]) -> None:
    """Print each fault; colour only where stderr is a terminal."""
    for fault in faults:
        head, _, rest = str(fault).partition(": ")
        click.echo(click.style(head, fg="red", bold=True, reset=True) + ": " + rest, err=True)


def say(text: str) -> None:
    """One line of talk."""
    click.echo(text, err=True)


def columns() -> int:
    """The terminal's width in characters; 80 where there is none."""
    return shutil.get_terminal_size().columns
