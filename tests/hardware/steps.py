"""Attempts as data, and what the firmware reports about each: the layouts of ``rust/board.rs``."""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

NOWHERE = 0xFFFF_FFFF
"""The firmware's word for an address that the hardware did not give."""


class Operation(enum.IntEnum):
    """What ``rust/prober.rs`` does with address and value."""

    READ8 = 1
    READ16 = 2
    READ32 = 3
    WRITE8 = 4
    WRITE16 = 5
    WRITE32 = 6
    EXECUTE = 7
    SEND = 8
    STACK_POINTER_CALL = 9
    STACK_POINTER_SPIN = 10
    OVERFLOW = 11
    SPIN = 12
    PRIVILEGED = 13
    MARKS = 14
    CALL = 15
    REPORT = 16
    EXIT = 17
    LEFT_AT_START = 18
    RECEIVE = 19
    WAIT = 20
    EXCLUSIVE = 21
    FP_MARKS = 22
    FP_LEFT = 23
    OWN_STATICS = 24
    REWRITE8 = 25
    YIELDS = 26


class Kind(enum.IntEnum):
    """What became of a step: completed, or the TCB's ``FaultKind``."""

    COMPLETED = 0
    DATA = 1
    READ = 2
    WRITE = 3
    EXECUTE = 4
    STACK = 5
    STACK_POINTER = 6
    BUS = 7
    INSTRUCTION = 8
    USAGE = 9
    BREAKPOINT = 10
    REPORTED = 11
    UNTOLD = 12


class Response(enum.IntEnum):
    """What the firmware's policy answers to a fault of the step."""

    ENTER = 0
    RESTART = 1
    STOP = 2
    ESCALATE = 3


HALT_REFUSED_SLOTS = 0x201
HALT_REFUSED_HASH = 0x202
HALT_ESCALATED = 0x203
HALT_KERNEL = 0x204
HALT_REFUSED_MSECCFG = 0x205
"""Kinds beyond the partition's: the firmware stands still."""

_STEP = struct.Struct("<BBBBIII")
_OUTCOME = struct.Struct("<IIIIBBHI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One attempt by one task. ``observe`` is a byte that the kernel reads before and after."""

    task: int
    operation: Operation
    address: int = 0
    value: int = 0
    response: Response = Response.ENTER
    observe: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one step. ``kind`` is a ``Kind`` or a halt; ``turns`` counts switches while it ran.

    ``clock`` is a counter that runs with the instructions: see ``cost.py``.
    """

    kind: int
    partition: int
    address: int
    value: int
    before: int
    after: int
    turns: int
    clock: int


def encode(steps: Sequence[Step]) -> bytes:
    """The count and the steps, as the emulator loads them."""
    rows = (
        _STEP.pack(step.task, step.operation, step.response, 0, step.address, step.value, step.observe)
        for step in steps
    )
    return struct.pack("<I", len(steps)) + b"".join(rows)


def decode(output: bytes) -> Iterator[Outcome]:
    """The outcomes that the firmware wrote; a partial one at the end is a ``ValueError``."""
    if len(output) % _OUTCOME.size:
        raise ValueError(f"{len(output)} bytes are no whole outcomes")
    names = ("kind", "partition", "address", "value", "before", "after", "turns", "clock")
    for row in _OUTCOME.iter_unpack(output):
        yield Outcome(**dict(zip(names, row, strict=True)))


def batches(steps: Iterable[Step], size: int) -> Iterator[list[Step]]:
    """``steps`` in lists of at most ``size``: what one boot takes."""
    batch: list[Step] = []
    for step in steps:
        batch.append(step)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
