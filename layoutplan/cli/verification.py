"""``layoutplan verify`` and ``layoutplan selftest``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from layoutplan.cli.talk import explain_faults, say
from layoutplan.errors import ExitStatus, Fault
from layoutplan.pipeline import selftest as run_corpus
from layoutplan.pipeline import verify as verify_image

OUTSIDE = """\
claimed: memory interference by CPU access, one core, one security state
outside: timing, DMA and other bus masters, debuggers, other cores, faults of the silicon
trusted: this checker and its solver, the manifest, the chip's catalogue entry, the switch and boot code"""
"""What a yes does not say. An assessor must not have to look for it."""


@click.command()
@click.argument("elf", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--plan", "plan_file", type=click.Path(path_type=Path, dir_okay=False), help="OUT/plan.json")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead of the plan's own, or of layout.toml here.",
)
@click.option("--evidence", type=click.Path(path_type=Path, file_okay=False), help="Folder for what others recheck.")
def verify(elf: Path, plan_file: Path | None, manifest: Path | None, evidence: Path | None) -> int:
    """Prove the linked image from its own bytes."""
    verdict = verify_image(elf, plan_file=plan_file, manifest=manifest, environ=os.environ, evidence=evidence)
    explain_faults(
        Fault(
            code=finding.rule,
            message=finding.message if finding.range is None else f"{finding.message} {finding.range}",
            where=finding.partition,
            hint="link again what this plan's build wrote: script, region table, sealed objects",
        )
        for finding in verdict.findings
    )
    for name in verdict.unknown:
        say(f"undecided: {name}")
    for name in verdict.untraced:
        say(f"not traced: `{name}`, whose sealed object is not at hand")
    if verdict.caveat is not None:
        say(f"note: {verdict.caveat}")
    click.echo(f"{verdict.proved} of {verdict.obligations} obligations proved")
    if verdict.holds:
        click.echo(OUTSIDE)
        return ExitStatus.YES
    return ExitStatus.NO if verdict.findings or not verdict.unknown else ExitStatus.UNDECIDED


@click.command()
def selftest() -> int:
    """Break good plans and images, one way at a time, and see that the checker on this machine notices."""
    failed = 0
    for row in run_corpus():
        failed += not row.passed
        outcome = "ok  " if row.passed else "FAIL"
        click.echo(f"{outcome} {row.unit:<7} {row.rule:<20} {row.name}" + (f": {row.detail}" if row.detail else ""))
    click.echo(f"{failed} failed" if failed else "the checker noticed everything")
    return ExitStatus.OUR_BUG if failed else ExitStatus.YES


COMMANDS = (verify, selftest)
