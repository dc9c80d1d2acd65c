"""``verify``: prove the linked image, from the manifest, the objects and the image's own bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layoutplan.errors import BadInput, Fault
from layoutplan.pipeline import stored

if TYPE_CHECKING:
    from layoutplan.model.component import System
    from layoutplan.model.evidence import Verdict
    from layoutplan.model.plan import Plan


def verify(
    elf: Path,
    *,
    plan_file: Path | None,
    manifest: Path | None,
    environ: Mapping[str, str],
) -> Verdict:
    """Check the image against what was asked, and against the plan where ``plan_file`` is given.

    The manifest and the objects are read again; nothing in the plan is trusted. Raises ``BadInput`` when neither a
    plan nor a manifest says what to prove, or when one of them or the image cannot be read.
    """
    from layoutplan import check

    system, plan = _question(plan_file, manifest, environ)
    return check.verify_image(elf, system, plan)


def _question(plan_file: Path | None, manifest: Path | None, environ: Mapping[str, str]) -> tuple[System, Plan | None]:
    from layoutplan.pipeline.sources import read_sources

    before = None if plan_file is None else stored.read(plan_file)
    if manifest is None:
        if before is None:
            raise BadInput(
                [
                    Fault(
                        code="no-question",
                        message="nothing says what the image should keep apart",
                        hint="name the plan with `--plan OUT/plan.json`, or the manifest with `--manifest layout.toml`",
                    )
                ]
            )
        manifest = before.manifest
    out = manifest.parent if plan_file is None else plan_file.parent
    recorded = {} if before is None else before.environ
    sources = read_sources(manifest, {**recorded, **environ}, out, lock=manifest.with_suffix(".lock"))
    return sources.system, None if before is None else before.decoded_plan()
