"""``plan.json``: the report, the plan, and the hashes by which an unchanged run is recognised without solving."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layoutplan import __version__
from layoutplan.errors import BadInput, Fault
from layoutplan.pipeline.request import PlanRequest

if TYPE_CHECKING:
    from layoutplan.model.plan import Plan

FILE = "plan.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """The decoded ``plan.json``.

    ``outputs`` and ``inputs`` map paths to SHA-256 in hex, an absent input to ``None``.
    """

    document: Mapping[str, Any]
    manifest: Path
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    inputs: Mapping[Path, str | None]
    environ: Mapping[str, str]
    outputs: Mapping[Path, str]
    objects: tuple[Path, ...]
    plan: Mapping[str, Any]

    def decoded_plan(self) -> Plan:
        """The plan as the model has it; ``BadInput`` when the file was edited into something else."""
        import msgspec

        from layoutplan.model.plan import Plan

        try:
            return msgspec.convert(self.plan, Plan)
        except msgspec.ValidationError as error:
            raise BadInput([_unreadable(self.manifest, str(error))]) from error


def digest(path: Path) -> str | None:
    """The SHA-256 of a file's bytes in hex, ``None`` when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


def _seal(stored: Mapping[str, Any]) -> str:
    """What ``plan.json`` says of its own contents, so that a damaged or edited one is not believed."""
    return hashlib.sha256(json.dumps(stored).encode()).hexdigest()


def encode(
    request: PlanRequest,
    document: Mapping[str, Any],
    plan: Plan,
    *,
    inputs: Iterable[Path],
    environ: Mapping[str, str],
    outputs: Mapping[Path, bytes],
    objects: Iterable[Path],
) -> bytes:
    """The bytes of ``plan.json`` for an accepted plan.

    Paths inside are relative to the output folder, so that a checkout can move and two of them compare equal. An
    absent input is recorded too: a lock or a safety manifest that appears later changes the answer.
    """
    from importlib import metadata

    import msgspec

    def relative(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), request.out.resolve())).as_posix()

    stored: dict[str, Any] = {
        **document,
        "layoutplan": {
            "format": _FORMAT,
            "manifest": relative(request.manifest),
            "options": request.options,
            "versions": {"layoutplan": __version__, "z3-solver": metadata.version("z3-solver")},
            "inputs": {relative(path): digest(path) for path in sorted(set(inputs))},
            "environ": dict(sorted(environ.items())),
            "outputs": {relative(path): hashlib.sha256(data).hexdigest() for path, data in sorted(outputs.items())},
            "objects": [relative(path) for path in objects],
            "plan": msgspec.to_builtins(plan),
        },
    }
    stored["layoutplan"]["contents"] = _seal(stored)
    return (json.dumps(stored, indent=1) + "\n").encode()


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def read(path: Path) -> StoredPlan:
    """Decode a ``plan.json``; ``BadInput`` when it is missing or not one of ours."""
    folder = path.parent.resolve()

    def located(relative: str) -> Path:
        return Path(os.path.normpath(folder / relative))

    try:
        document = json.loads(path.read_bytes(), parse_constant=_no_number)
        own = document["layoutplan"]
        if own["format"] != _FORMAT:
            raise ValueError(f"format {own['format']}, this version reads {_FORMAT}")
        if own.pop("contents") != _seal(document):
            raise ValueError("it is not as it was written")
        del document["layoutplan"]
        return StoredPlan(
            document=document,
            manifest=located(own["manifest"]),
            options=own["options"],
            versions=own["versions"],
            inputs={located(name): value for name, value in own["inputs"].items()},
            environ=own["environ"],
            outputs={located(name): value for name, value in own["outputs"].items()},
            objects=tuple(located(name) for name in own["objects"]),
            plan=own["plan"],
        )
    except OSError as error:
        raise BadInput([_unreadable(path, error.strerror or str(error))]) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput([_unreadable(path, f"{type(error).__name__}: {error}")]) from error


def read_report(path: Path) -> Mapping[str, Any]:
    """The report in a ``plan.json``, held against the published schema: it may be another version's."""
    import jsonschema_rs

    from layoutplan.report import report_schema

    document = read(path).document
    for error in jsonschema_rs.validator_for(report_schema()).iter_errors(document):
        place = ".".join(map(str, error.instance_path)) or "the report"
        raise BadInput([_unreadable(path, f"{place}: {error.message[:200]}")])
    return document


def still_current(stored: StoredPlan, request: PlanRequest) -> bool:
    """Whether the same request would read the same inputs, and nobody touched the outputs.

    Another Z3 does not make a proved plan wrong, so its version is recorded and not compared. Nothing is imported
    that an unchanged build should not pay for.
    """
    return (
        stored.manifest == request.manifest.resolve()
        and dict(stored.options) == request.options
        and stored.versions["layoutplan"] == __version__
        and all(request.environ.get(name) == value for name, value in stored.environ.items())
        and all(digest(path) == value for path, value in stored.inputs.items())
        and all(digest(path) == value for path, value in stored.outputs.items())
    )


def _unreadable(path: Path, why: str) -> Fault:
    return Fault(
        code="plan-file",
        message=f"cannot read the plan: {why}",
        where=str(path),
        hint="run `layoutplan solve` again",
    )
