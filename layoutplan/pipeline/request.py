"""What a caller asks of ``plan``, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from layoutplan.errors import ExitStatus, Fault

DEFAULT_TIMEOUT = 120.0
"""Seconds of wall clock after which the solver is killed. The clock only aborts; it never shapes an answer."""

Solver = Literal["auto", "z3"]
LinkStyle = Literal["standalone", "cortex-m-rt", "riscv-rt"]
Table = Literal["words", "gale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """The arguments of one run. ``out`` is where the outputs go; ``environ`` expands ``${NAME}`` in object paths.

    ``effort`` bounds the search in solver steps (``None``: the solver's default), ``timeout`` in seconds.
    ``write_lock``: an interactive run updates ``layout.lock`` beside the manifest; a build script only reads it and
    leaves its candidate in ``out``.
    """

    manifest: Path
    out: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    effort: int | None = None
    timeout: float = DEFAULT_TIMEOUT
    solver: Solver = "auto"
    link_style: LinkStyle = "standalone"
    table: Table = "words"
    measured: Path | None = None
    advice: bool = False
    update: bool = False
    locked: bool = False
    check: bool = False
    write_lock: bool = True

    @property
    def lock(self) -> Path:
        """The committed lock, beside the manifest and named after it."""
        return self.manifest.with_suffix(".lock")

    @property
    def written_lock(self) -> Path:
        """Where a yes leaves its lock: the committed one, or a candidate among the outputs."""
        return self.lock if self.write_lock else self.out / "layout.lock"

    @property
    def script(self) -> Path:
        """The linker script: a whole one, or what a runtime crate's script includes."""
        return self.out / ("layout.ld" if self.link_style == "standalone" else "memory.x")

    @property
    def options(self) -> dict[str, Any]:
        """Those arguments that change the bytes of the outputs."""
        return {
            "effort": self.effort,
            "solver": self.solver,
            "link_style": self.link_style,
            "table": self.table,
            "measured": None if self.measured is None else str(self.measured),
            "advice": self.advice,
            "update": self.update,
            "write_lock": self.write_lock,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The answer: the exit status, the report document, why it is not a yes, and what a build has to know.

    ``faults`` are empty when ``status`` is yes. ``objects`` are the sealed objects to link, ``inputs`` every file
    and ``environ`` every variable that the answer depends on.
    """

    status: ExitStatus
    document: Mapping[str, Any]
    faults: tuple[Fault, ...]
    objects: tuple[Path, ...]
    script: Path
    inputs: tuple[Path, ...]
    environ: tuple[str, ...]
    unchanged: bool = False
