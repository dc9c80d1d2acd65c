"""``layoutplan verify``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from layoutplan.cli.talk import explain_faults, say
from layoutplan.errors import ExitStatus, Fault
from layoutplan.pipeline import verify as verify_image


@click.command()
@click.argument("elf", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--plan", "plan_file", type=click.Path(path_type=Path, dir_okay=False), help="OUT/plan.json")
@click.option("--manifest", type=click.Path(path_type=Path, dir_okay=False), help="Instead of the plan's own.")
def verify(elf: Path, plan_file: Path | None, manifest: Path | None) -> int:
    """Prove the linked image from its own bytes."""
    verdict = verify_image(elf, plan_file=plan_file, manifest=manifest, environ=os.environ)
    explain_faults(
        Fault(
            code=finding.rule,
            message=finding.message if finding.range is None else f"{finding.message} {finding.range}",
            where=finding.partition,
        )
        for finding in verdict.findings
    )
    for name in verdict.unknown:
        say(f"undecided: {name}")
    click.echo(f"{verdict.proved} of {verdict.obligations} obligations proved")
    if verdict.holds:
        return ExitStatus.YES
    return ExitStatus.NO if verdict.findings or not verdict.unknown else ExitStatus.UNDECIDED


COMMANDS = (verify,)
