"""An attempt, what must become of it, and whether it did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.hardware.scene import Scene
from tests.hardware.steps import NOWHERE, Kind, Outcome, Step, batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A step and what must become of it: one of the ``denied`` kinds, or, where that is empty, completion.

    ``address`` is the fault address that must be reported, ``value`` the result that must come back, both only where
    given. An observed byte must stay as it was unless ``changes``. ``as_before`` attempts before this one stands one
    with the same result.
    """

    name: str
    step: Step
    denied: frozenset[Kind] = frozenset()
    address: int | None = None
    value: int | None = None
    changes: bool = False
    least_turns: int = 0
    as_before: int = 0


UNTOLD = {
    kind: frozenset({Kind.UNTOLD})
    for kind in (Kind.DATA, Kind.READ, Kind.WRITE, Kind.BUS, Kind.INSTRUCTION, Kind.USAGE, Kind.BREAKPOINT)
} | {
    # Where there is no memory at all, the jump itself does not come to pass.
    Kind.EXECUTE: frozenset({Kind.EXECUTE, Kind.UNTOLD}),
    Kind.STACK: frozenset({Kind.STACK_POINTER}),
}
"""What is left of a fault's kind on a core without fault status: most of it."""

NOT_REACHED = "the firmware never came to it"

BATCH = 8000
"""Steps that one boot takes."""


def tried(stage: Scene, attempts: Iterable[Attempt]) -> dict[str, str]:
    """Boot as often as it takes, and return what went wrong with any of the attempts."""
    found: dict[str, str] = {}
    everything = list(attempts)
    assert everything
    done = 0
    for batch in batches((attempt.step for attempt in everything), BATCH):
        outcomes, run = stage.image.attack(batch)
        found |= violations(stage, everything[done : done + len(batch)], outcomes)
        assert run.status == 0 or found, run.talk
        done += len(batch)
    return found


def violations(scene: Scene, attempts: Sequence[Attempt], outcomes: Sequence[Outcome]) -> dict[str, str]:
    """The attempts that did not end as they must, by name, with what happened instead."""
    found = {}
    for index, attempt in enumerate(attempts):
        outcome = outcomes[index] if index < len(outcomes) else None
        wrong = NOT_REACHED if outcome is None else judge(scene, attempt, outcome)
        earlier = index - attempt.as_before
        if outcome is not None and not wrong and earlier >= 0 and outcome.value != outcomes[earlier].value:
            wrong = f"value {outcome.value:#x}, and before it was {outcomes[earlier].value:#x}"
        if wrong:
            found[attempt.name] = wrong
    return found


def judge(scene: Scene, attempt: Attempt, outcome: Outcome) -> str:
    """What is wrong with the outcome; empty when nothing is."""
    step = attempt.step
    kinds = attempt.denied or {Kind.COMPLETED}
    exact = scene.image.machine.tells_faults or outcome.kind == Kind.REPORTED
    if not scene.image.machine.tells_faults:
        kinds = {kind for one in kinds for kind in UNTOLD.get(one, {one})}
    if outcome.kind not in kinds:
        wanted = " or ".join(kind.name for kind in sorted(kinds))
        return f"kind {outcome.kind:#x} at {outcome.address:#x} (value {outcome.value:#x}), not {wanted}"
    if outcome.partition != scene.partition_of[step.task]:
        return f"blamed on partition {outcome.partition}"
    if attempt.denied and exact and attempt.address is not None and outcome.address not in (attempt.address, NOWHERE):
        return f"fault address {outcome.address:#x}, not {attempt.address:#x}"
    if attempt.denied and exact and attempt.address is not None and outcome.address == NOWHERE:
        return "no fault address"
    if attempt.value is not None and outcome.value != attempt.value:
        return f"value {outcome.value:#x}, not {attempt.value:#x}"
    if step.observe and outcome.before != outcome.after and not attempt.changes:
        return f"the byte at {step.observe:#x} went from {outcome.before:#x} to {outcome.after:#x}"
    if outcome.turns < attempt.least_turns:
        return f"{outcome.turns} switches in between, not {attempt.least_turns}"
    return ""
