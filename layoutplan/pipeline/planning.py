"""``plan``: from a manifest to files that passed the checker, or to a report that says why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layoutplan.errors import ExitStatus, Fault, Undecided
from layoutplan.pipeline import stored
from layoutplan.pipeline.request import PlanRequest, PlanResult

if TYPE_CHECKING:
    from layoutplan.model.evidence import Verdict
    from layoutplan.model.plan import Advice, Outcome, Plan
    from layoutplan.pipeline.sources import Sources

REPORT = "report.html"


def plan(request: PlanRequest) -> PlanResult:
    """Seal, plan, check, write.

    A yes writes every output, each atomically and only when its bytes change. A no or an undecided writes the report
    alone. ``BadInput`` writes nothing. With ``request.check`` nothing is ever written.
    """
    unchanged = _unchanged(request)
    return unchanged if unchanged is not None else _decide(request)


def _unchanged(request: PlanRequest) -> PlanResult | None:
    """The stored answer, when the same question is asked again and nobody touched the files.

    Never for ``check``, which is there for whoever does not believe what is stored.
    """
    if request.check or request.update or request.locked or not (request.out / stored.FILE).exists():
        return None
    from layoutplan.errors import BadInput

    try:
        before = stored.read(request.out / stored.FILE)
    except BadInput:
        return None
    if not _every_output(request) <= before.outputs.keys() or not stored.still_current(before, request):
        return None
    return PlanResult(
        status=ExitStatus.YES,
        document=before.document,
        faults=(),
        objects=before.objects,
        script=request.script,
        inputs=tuple(path for path, value in before.inputs.items() if value is not None),
        environ=tuple(before.environ),
        unchanged=True,
    )


def _every_output(request: PlanRequest) -> set[Path]:
    """The files that each yes writes: a stored answer that leaves one out says nothing about it."""
    names = {"region_table.rs", REPORT} | ({"gale_table.rs"} if request.table == "gale" else set())
    return {path.resolve() for path in (request.written_lock, request.script, *(request.out / name for name in names))}


def _decide(request: PlanRequest) -> PlanResult:
    from layoutplan import report
    from layoutplan.pipeline.sources import read_sources

    sources = read_sources(request.manifest, request.environ, request.out, lock=request.lock, measured=request.measured)
    answer = _solve_and_check(request, sources)
    document = report.document(sources.system, answer.outcome, answer.verdict, answer.advice)
    status, faults = _judge(request, sources, answer, document)
    files: Mapping[Path, bytes] = {}
    if status is ExitStatus.YES:
        accepted = _accepted_plan(answer.outcome)
        files = _outputs(request, sources, accepted, document)
        if request.check:
            status, faults = _compare(files)
    if not request.check:
        _write(request.out, files or {request.out / REPORT: report.html(document).encode()})
    return PlanResult(
        status=status,
        document=document,
        faults=faults,
        objects=tuple(sources.objects.values()),
        script=request.script,
        inputs=tuple(path for path in (*sources.files, request.lock) if path.exists()),
        environ=tuple(sources.environ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the child process found. ``verdict`` is ``None`` without a plan, ``advice`` where nobody asked for any."""

    outcome: Outcome
    verdict: Verdict | None = None
    advice: tuple[Advice, ...] | None = None


@dataclass(frozen=True, slots=True)
class _SolveAndCheck:
    """The part that needs Z3, as a value that can be handed to a child process."""

    request: PlanRequest
    sources: Sources

    def __call__(self) -> _Answer:
        from layoutplan import check, solve
        from layoutplan.model.plan import Solved

        system, request = self.sources.system, self.request
        effort = solve.DEFAULT_EFFORT if request.effort is None else request.effort
        outcome = solve.solve(
            system, lock=self.sources.lock, effort=effort, solver=request.solver, update=request.update
        )
        if not isinstance(outcome, Solved):
            return _Answer(outcome=outcome)
        advice = solve.advise(system, outcome.plan, effort) if request.advice else None
        return _Answer(outcome=outcome, verdict=check.check_plan(system, outcome.plan), advice=advice)


def _solve_and_check(request: PlanRequest, sources: Sources) -> _Answer:
    from layoutplan.model.plan import OutOfEffort
    from layoutplan.pipeline.worker import run_killable

    try:
        return run_killable(_SolveAndCheck(request, sources), request.timeout, meanwhile=_compile_templates)
    except Undecided as error:
        return _Answer(outcome=OutOfEffort(reason=error.faults[0].message))


def _compile_templates() -> None:
    """What writing will need, done by the core that would otherwise wait for the solver."""
    from layoutplan.render import templates
    from layoutplan.report import page

    templates.compile_all()
    page.compile_all()


def _accepted_plan(outcome: Outcome) -> Plan:
    from layoutplan.model.plan import Solved

    if not isinstance(outcome, Solved):
        raise TypeError("only a solved outcome has a plan")
    return outcome.plan


def _judge(
    request: PlanRequest, sources: Sources, answer: _Answer, document: Mapping[str, Any]
) -> tuple[ExitStatus, tuple[Fault, ...]]:
    """The exit status and what stands against a yes."""
    from layoutplan import report
    from layoutplan.model.plan import Infeasible, OutOfEffort

    outcome, verdict = answer.outcome, answer.verdict
    if isinstance(outcome, OutOfEffort):
        hint = "raise `--effort` or `--timeout`; nothing is known either way"
        return ExitStatus.UNDECIDED, (Fault(code="undecided", message=outcome.reason, hint=hint),)
    if isinstance(outcome, Infeasible):
        return ExitStatus.NO, (_infeasible(outcome),)
    if verdict is None or not verdict.holds:
        return _unproved(verdict)
    faults = report.over_budget(document, sources.system.budget)
    if request.locked:
        faults = (*faults, *_moved(request, sources, outcome.plan))
    return (ExitStatus.NO if faults else ExitStatus.YES), tuple(faults)


def _infeasible(outcome: Any) -> Fault:  # noqa: ANN401 - narrowed by the caller; the model is imported lazily
    names = "; ".join(constraint.text for constraint in outcome.core)
    return Fault(
        code="infeasible",
        message=f"no layout satisfies all of: {names}",
        where="; ".join(dict.fromkeys(constraint.where for constraint in outcome.core if constraint.where)),
        hint=outcome.remedies[0].text if outcome.remedies else "loosen one of these: a size, a pin, a cap or a reserve",
    )


def _unproved(verdict: Verdict | None) -> tuple[ExitStatus, tuple[Fault, ...]]:
    """A plan that the checker does not accept is never written: the planner is wrong, or the solver gave up."""
    hint = "the planner's own answer did not pass its checker: please report this with your layout.toml"
    if verdict is None:
        return ExitStatus.OUR_BUG, (Fault(code="unchecked", message="the plan was not checked", hint=hint),)
    if verdict.findings:
        faults = tuple(
            Fault(code=f"check-{finding.rule}", message=finding.message, where=finding.partition, hint=hint)
            for finding in verdict.findings
        )
        return ExitStatus.NO, faults
    unknown = ", ".join(verdict.unknown) or "no obligation was generated"
    message = f"{verdict.proved} of {verdict.obligations} obligations proved; unknown: {unknown}"
    return ExitStatus.UNDECIDED, (Fault(code="unproved", message=message, hint="raise `--effort`"),)


def _moved(request: PlanRequest, sources: Sources, accepted: Plan) -> Iterable[Fault]:
    if sources.lock is None:
        yield Fault(
            code="no-lock",
            message=f"`--locked` needs a lock, and {request.lock.name} does not exist",
            where=str(request.lock),
            hint="run `layoutplan solve` without `--locked` and commit the lock it writes",
        )
        return
    before = {name: locked.granted for name, locked in sources.lock.blocks.items()}
    after = {placement.block.name: placement.granted for placement in accepted.placements}
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Fault(
                code="moved",
                message=f"`{name}` is at {before.get(name, 'no place')} in the lock and would be at "
                f"{after.get(name, 'no place')}",
                where=str(request.lock),
                hint="run `layoutplan solve` without `--locked` and commit the new lock",
            )


def _outputs(request: PlanRequest, sources: Sources, accepted: Plan, document: Mapping[str, Any]) -> dict[Path, bytes]:
    """Every file of a yes with its bytes, ``plan.json`` last."""
    from layoutplan import render, report

    texts = render.render(sources.system, accepted, link_style=request.link_style, table=request.table)
    files = {request.out / name: text.encode() for name, text in texts.items()}
    files[request.out / REPORT] = report.html(document).encode()
    files[request.written_lock] = render.lock_text(accepted).encode()
    files.update(sources.sealed)
    inputs = [*sources.files] if request.write_lock else [*sources.files, request.lock]
    files[request.out / stored.FILE] = stored.encode(
        request,
        document,
        accepted,
        inputs=inputs,
        environ=sources.environ,
        outputs=files,
        objects=tuple(sources.objects.values()),
    )
    return files


def _compare(files: Mapping[Path, bytes]) -> tuple[ExitStatus, tuple[Fault, ...]]:
    """What ``--check`` says: every file as it would be written, or which differ."""
    faults = []
    for path, data in files.items():
        try:
            same = path.read_bytes() == data
        except OSError:
            same = False
        if not same:
            faults.append(
                Fault(
                    code="out-of-date",
                    message=f"{path.name} is not what this manifest and these objects give",
                    where=str(path),
                    hint="run `layoutplan solve` without `--check`",
                )
            )
    return (ExitStatus.NO if faults else ExitStatus.YES), tuple(faults)


def _write(out: Path, files: Mapping[Path, bytes]) -> None:
    """Each file in one step; a set in turn with other builds into the folder, so that no two sets get mixed."""
    from contextlib import nullcontext

    from filelock import FileLock

    from layoutplan import render

    out.mkdir(parents=True, exist_ok=True)
    with FileLock(out / ".layoutplan.lock") if len(files) > 1 else nullcontext():
        for path, data in files.items():
            render.write_if_changed(path, data)
