"""Floor 6: arguments, exit status, printing. Nothing else prints or exits."""

from layoutplan.cli.main import main

__all__ = ["main"]
