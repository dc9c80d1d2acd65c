"""``verify``: prove the linked image, from the manifest, the objects and the image's own bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layoutplan.errors import BadInput, Fault
from layoutplan.pipeline import stored

if TYPE_CHECKING:
    from layoutplan.check.selftest import SelftestRow
    from layoutplan.model.evidence import Verdict
    from layoutplan.model.plan import Plan
    from layoutplan.pipeline.sources import Sources


USUAL = Path("layout.toml")
"""The manifest that says what is asked of an image alone."""


def verify(
    elf: Path,
    *,
    plan_file: Path | None,
    manifest: Path | None,
    environ: Mapping[str, str],
    evidence: Path | None = None,
) -> Verdict:
    """Check the image against what was asked, and against the plan where ``plan_file`` is given.

    Without ``plan_file`` and ``manifest`` the image alone is held against the ``layout.toml`` of the current folder.

    The manifest and the objects are read again; nothing in the plan is trusted. With ``evidence`` the folder is filled
    with one question per obligation and what is needed to ask them elsewhere. Raises ``BadInput`` when neither a plan
    nor a manifest says what to prove, or when one of them or the image cannot be read.
    """
    sources, plan = _question(plan_file, manifest, environ)
    if evidence is None:
        from layoutplan import check

        return check.verify_image(elf, sources.system, plan, objects=sources.contents())
    from layoutplan import render
    from layoutplan.check.evidence import evidence_files

    verdict, files = evidence_files(elf, sources.system, plan, objects=sources.contents())
    for name, text in files.items():
        render.write_if_changed(evidence / name, text.encode())
    return verdict


def selftest() -> Iterator[SelftestRow]:
    """The checker against its own corpus of broken plans and images, on the solver that is installed."""
    from layoutplan.check.selftest import selftest as rows

    return rows()


def _question(plan_file: Path | None, manifest: Path | None, environ: Mapping[str, str]) -> tuple[Sources, Plan | None]:
    from layoutplan.pipeline.sources import read_sources

    before = None if plan_file is None else stored.read(plan_file)
    if manifest is None and before is None and not USUAL.exists():
        hint = "name the plan with `--plan OUT/plan.json`, or the manifest with `--manifest`"
        message = f"nothing says what the image should keep apart: no plan, and no {USUAL} here"
        raise BadInput([Fault(code="no-question", message=message, hint=hint)])
    if manifest is None:
        manifest = USUAL if before is None else before.manifest
    out = manifest.parent if plan_file is None else plan_file.parent
    recorded = {} if before is None else before.environ
    sources = read_sources(manifest, {**recorded, **environ}, out, lock=manifest.with_suffix(".lock"))
    return sources, None if before is None else before.decoded_plan()
