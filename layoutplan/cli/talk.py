"""Talk for people, on stderr. Data goes to stdout."""

from __future__ import annotations

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
