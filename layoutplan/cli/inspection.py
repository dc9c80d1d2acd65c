"""``report``, ``diff``, ``explain``, ``chips``, ``schema``: look, change nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from layoutplan.cli.talk import columns
from layoutplan.errors import ExitStatus
from layoutplan.pipeline import read_report

_PLAN = click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("out/plan.json"),
    show_default=True,
)
_FORMAT = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.command()
@_PLAN
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "csv", "html", "svg"]),
    default="text",
    show_default=True,
)
def report(plan_file: Path, form: str) -> int:
    """Padding per component, gaps, slots and cost of the last accepted plan."""
    from layoutplan import report as writers

    write: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "text": lambda document: writers.text(document, width=columns(), colour=sys.stdout.isatty()),
        "json": writers.json,
        "markdown": writers.markdown,
        "csv": writers.csv,
        "html": writers.html,
        "svg": writers.memory_map_svg,
    }
    click.echo(write[form](read_report(plan_file)), nl=False)
    return ExitStatus.YES


@click.command()
@click.argument("old", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("new", type=click.Path(path_type=Path, dir_okay=False))
@_FORMAT
def diff(old: Path, new: Path, form: str) -> int:
    """What moved, grew or got padded between two plan.json files."""
    from layoutplan import report as writers

    changes = writers.difference(read_report(old), read_report(new))
    text = writers.difference_json(changes) if form == "json" else writers.difference_text(changes, width=columns())
    click.echo(text, nl=False)
    return ExitStatus.YES


@click.command()
@click.argument("place")
@_PLAN
@_FORMAT
def explain(place: str, plan_file: Path, form: str) -> int:
    """Who owns an ADDRESS or SYMBOL, and who may touch it through which slot."""
    from layoutplan import report as writers

    answer = writers.explain(read_report(plan_file), place)
    text = writers.explain_json(answer) if form == "json" else writers.explain_text(answer, width=columns())
    click.echo(text, nl=False)
    return ExitStatus.YES


@click.command()
def chips() -> int:
    """The chips of the catalogue."""
    from layoutplan import inputs

    for chip in inputs.chips():
        state = "" if chip.verified else f"  unverified: no source for {', '.join(chip.lacks)}"
        click.echo(f"{chip.name:<14} {chip.unit.name:<8} {chip.unit.slots:>2} slots  {chip.title}{state}")
    return ExitStatus.YES


@click.command()
@click.argument("name", type=click.Choice(["manifest", "report"]), default="manifest")
def schema(name: str) -> int:
    """The JSON Schema of the manifest or of the report."""
    from layoutplan import inputs
    from layoutplan import report as writers

    published = inputs.manifest_schema() if name == "manifest" else writers.report_schema()
    click.echo(json.dumps(published, indent=2))
    return ExitStatus.YES


COMMANDS = (report, diff, explain, chips, schema)
