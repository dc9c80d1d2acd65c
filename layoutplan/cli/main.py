"""The command group, and the one place where an exception becomes an exit status."""

from __future__ import annotations

import sys
from typing import Any

import click

from layoutplan import __version__
from layoutplan.cli import inspection, planning, verification
from layoutplan.cli.talk import explain_faults
from layoutplan.errors import ExitStatus, Fault, LayoutplanError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="layoutplan")
def commands() -> None:
    """Plan memory-protection regions for dissolved firmware.

    Exit status: 0 yes; 1 no; 2 your input; 3 undecided within the effort; 70 our bug.
    """


for command in (*planning.COMMANDS, *verification.COMMANDS, *inspection.COMMANDS):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        answer: Any = commands.main(args=arguments, prog_name="layoutplan", standalone_mode=False)
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return ExitStatus.BAD_INPUT
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitStatus.UNDECIDED
    except LayoutplanError as error:
        explain_faults(error.faults)
        return error.status
    except BrokenPipeError:
        # The reader of our stdout went away; there is nobody left to tell, and Python must not try at exit.
        sys.stderr.close()
        return ExitStatus.YES
    except OSError as error:
        explain_faults([_unusable(error)])
        return ExitStatus.BAD_INPUT
    except Exception as error:  # noqa: BLE001 - a bug must not show as a traceback in somebody's build
        return _bug(error)
    return int(answer) if isinstance(answer, int) else ExitStatus.YES


def _unusable(error: OSError) -> Fault:
    """A folder that cannot be written, a full disk: nothing that we could know better than the machine."""
    where = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    hint = "name another folder with `--out`, or make room and give yourself the rights"
    return Fault(code="file", message=f"cannot use the file: {error.strerror or error}", where=where, hint=hint)


def _bug(error: Exception) -> int:
    import os
    import traceback

    click.echo(f"error[internal]: {type(error).__name__}: {error}", err=True)
    if os.environ.get("LAYOUTPLAN_TRACEBACK"):
        traceback.print_exc()
    else:
        click.echo("hint: this is a bug in layoutplan; set LAYOUTPLAN_TRACEBACK=1 and report what it prints", err=True)
    return ExitStatus.OUR_BUG
