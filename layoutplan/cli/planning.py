"""``layoutplan solve`` and ``layoutplan seal``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from layoutplan.cli.talk import columns, explain_faults, say
from layoutplan.errors import BadInput, ExitStatus, Fault
from layoutplan.pipeline import PlanRequest, PlanResult, first_manifest, plan, seal_all
from layoutplan.pipeline.request import DEFAULT_TIMEOUT

F = TypeVar("F", bound=Callable[..., Any])

_MANIFEST = click.argument(
    "manifest", type=click.Path(path_type=Path, dir_okay=False), default=Path("layout.toml"), required=False
)


SCOPES = ("all", "bins", "tests", "examples")


class _Solve(click.Command):
    """``--cargo`` takes a value behind ``=`` only, so that the manifest may follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["--cargo=all" if argument == "--cargo" else argument for argument in args])


@click.command(cls=_Solve)
@_MANIFEST
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Output folder [default: out/ beside].")
@click.option(
    "--cargo",
    type=click.Choice(SCOPES),
    metavar="[=bins|tests|examples]",
    help="Print cargo directives; --out defaults to $OUT_DIR.",
)
@click.option("--locked", is_flag=True, help="Refuse any move against the lock.")
@click.option("--advice", is_flag=True, help="Say what a few bytes less or a slot more would save.")
@click.option("--check", is_flag=True, help="Compare with the files there; write nothing.")
@click.option("--update", is_flag=True, help="Search anew instead of keeping the lock.")
@click.option("--solver", type=click.Choice(["auto", "z3"]), default="auto", show_default=True)
@click.option("--measured", type=click.Path(path_type=Path, dir_okay=False), help="Take sizes from this linked ELF.")
@click.option("--table", type=click.Choice(["words", "gale"]), default="words", show_default=True)
@click.option(
    "--link-style",
    type=click.Choice(["standalone", "cortex-m-rt", "riscv-rt"]),
    default="standalone",
    show_default=True,
)
@click.option("--effort", type=click.IntRange(min=0), help="Bound on the search, in solver steps.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=DEFAULT_TIMEOUT, show_default=True, help="Seconds.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def solve(manifest: Path, out: Path | None, cargo: str | None, form: str, **options: Any) -> int:  # noqa: ANN401 - click's
    """Seal, plan, check and write: linker script, region table, lock, report."""
    if out is None:
        out_dir = os.environ.get("OUT_DIR")
        out = Path(out_dir) if cargo and out_dir else manifest.parent / "out"
    result = plan(PlanRequest(manifest=manifest, out=out, environ=os.environ, write_lock=not cargo, **options))
    if cargo:
        _print_cargo_directives(result, cargo)
    elif form == "json":
        from layoutplan import report

        click.echo(report.json(result.document), nl=False)
    else:
        _print_report(result)
        if result.status is ExitStatus.YES and not options["check"]:
            say(f"{'unchanged' if result.unchanged else 'wrote'}: {out}")
    explain_faults(result.faults)
    return result.status


def _print_report(result: PlanResult) -> None:
    from layoutplan import report

    click.echo(report.text(result.document, width=columns(), colour=sys.stdout.isatty()), nl=False)


def _print_cargo_directives(result: PlanResult, scope: str) -> None:
    """What cargo must know even when the answer is no: when to ask again. Link arguments only after a yes."""
    for path in result.inputs:
        click.echo(f"cargo:rerun-if-changed={path.resolve()}")
    for name in (*result.environ, "LAYOUTPLAN"):
        click.echo(f"cargo:rerun-if-env-changed={name}")
    if result.status is not ExitStatus.YES:
        return
    argument = "cargo:rustc-link-arg" + ("" if scope == "all" else f"-{scope}")
    for path in result.objects:
        click.echo(f"{argument}={path.resolve()}")
    if result.document["target"]["unit"] == "pmp":
        # One link has one __global_pointer$, the kernel's: relaxing a component's access to it would leave its memory.
        click.echo(f"{argument}=--no-relax")
    if result.script.suffix == ".ld":
        click.echo(f"{argument}=-T{result.script.resolve()}")
    else:
        # memory.x cannot name program headers: lld would put its own in front of a kernel that starts off a page.
        click.echo(f"{argument}=--nmagic")
        click.echo(f"cargo:rustc-link-search={result.script.parent.resolve()}")


@click.command()
@_MANIFEST
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the sealed objects.")
def seal(manifest: Path, out: Path | None) -> int:
    """Make one sealed object per component."""
    for path in seal_all(manifest, out or manifest.parent / "out" / "sealed", os.environ):
        click.echo(path)
    return ExitStatus.YES


@click.command()
@click.argument("objects", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--chip", required=True, help="A name from `layoutplan chips`.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("layout.toml"), show_default=True)
def init(objects: tuple[Path, ...], chip: str, out: Path) -> int:
    """Write a commented layout.toml for a chip and some objects."""
    if out.exists():
        message = f"{out} exists and is not overwritten"
        raise BadInput([Fault(code="exists", message=message, where=str(out), hint="name another file with `--out`")])
    out.write_text(first_manifest(chip, objects, out.parent), encoding="utf-8")
    say(f"wrote: {out}")
    return ExitStatus.YES


COMMANDS = (solve, seal, init)
