"""Constants in a function's registers, followed through its branches: what its stores and CSR writes write, and where.

Code is read as far as it shows itself: what comes from a caller or from memory is unknown, and so is what two paths
leave different. After a call the registers are unknown that the calling convention lets it change. Code that no direct
branch reaches (a table of branches leads there) begins with nothing known.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Value = int | None
"""A register's value; ``None`` where the code does not show it."""
State = tuple[Value, ...]
HELD = -1
"""What a control register held before, read to be written back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A word stored to ``address``, or written to the CSR of that number, by the instruction ``at``."""

    at: int
    address: Value
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one instruction does. ``targets`` are direct; ``falls`` says whether the next instruction may follow."""

    size: int
    after: State
    targets: tuple[int, ...] = ()
    falls: bool = True
    writes: tuple[Write, ...] = ()
    conditional: int = 0
    """How many of the following instructions may be skipped (Thumb IT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Instructions from ``base`` on; ``step`` decodes one, with the registers before it. ``end`` is behind the last."""

    base: int
    end: int
    step: Callable[[int, State], Step]
    registers: int


def writes_of(code: Code) -> Iterator[Write]:
    """Every write of the function, with what is known of it on all paths."""
    unknown: State = (None,) * code.registers
    order, skippable = _swept(code, unknown)
    known: dict[int, State] = {}
    for entry in order:
        if entry not in known:
            _flow(code, known, skippable, entry, unknown)
    for at in order:
        yield from code.step(at, known[at]).writes


def _swept(code: Code, unknown: State) -> tuple[Sequence[int], frozenset[int]]:
    """Addresses of all instructions in order, and which of them may be skipped."""
    order: list[int] = []
    skippable: set[int] = set()
    at, left = code.base, 0
    while at < code.end:
        order.append(at)
        step = code.step(at, unknown)
        if left:
            skippable.add(at)
            left -= 1
        left = step.conditional or left
        at += step.size
    return order, frozenset(skippable)


@dataclass(order=True)
class _Entry:
    at: int
    state: State = field(compare=False)


def _flow(code: Code, known: dict[int, State], skippable: frozenset[int], entry: int, state: State) -> None:
    """Carry ``state`` from ``entry`` along all direct paths until nothing changes."""
    waiting = [_Entry(entry, state)]
    while waiting:
        one = heapq.heappop(waiting)
        before = known.get(one.at)
        met = one.state if before is None else _met(before, one.state)
        if met == before:
            continue
        known[one.at] = met
        step = code.step(one.at, met)
        after = _met(met, step.after) if one.at in skippable else step.after
        following = [*step.targets, *([one.at + step.size] if step.falls or one.at in skippable else [])]
        for at in following:
            if code.base <= at < code.end:
                heapq.heappush(waiting, _Entry(at, after))


def _met(first: State, second: State) -> State:
    return tuple(a if a == b else None for a, b in zip(first, second, strict=True))
