"""What a few bytes less, one slot more or a little growth would do, each solved again before it is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from layoutplan.errors import BadInput, plural
from layoutplan.model.access import UnitName
from layoutplan.model.component import Role, System
from layoutplan.model.lock import Lock, LockedBlock
from layoutplan.model.plan import Advice, Part, Placement, Plan
from layoutplan.solve.blocks import blocks_of
from layoutplan.solve.capacity import impossible
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.homes import propose
from layoutplan.solve.joint import Layout
from layoutplan.solve.kept import kept
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of, usable_slots
from layoutplan.solve.ways_out import SHRINKABLE, grown, shrunk

TRIAL_SHARE = 20
"""One trial gets this part of the effort."""

FEW = 10
"""Bytes less are few when they are at most one in this many of the part's."""

WORTH = 2
"""A byte given up must bring back this many."""

MOST_SAVINGS = 4
"""More advice than this of one kind is not read."""


def advise(system: System, plan: Plan, effort: int = DEFAULT_EFFORT) -> tuple[Advice, ...]:
    """Growth room of every component, then what would save most. ``plan`` must be one of ``system``."""
    if plan.unit is UnitName.NONE:
        return ()
    budget = Effort(effort)
    now = _found(system, budget)
    if now is None:
        return tuple(_growth(system, plan))
    slots = sorted(_slots(system, *now, budget), key=lambda advice: (-advice.saves, advice.subject))
    shrinks = sorted(_shrinks(system, *now, budget), key=lambda advice: (advice.amount - advice.saves, advice.subject))
    return (*slots[:MOST_SAVINGS], *shrinks[:MOST_SAVINGS], *_growth(system, plan))


def spans(problem: Problem, layout: Layout) -> dict[str, int]:
    """By memory: the bytes from the lowest unpinned block to the memory's end."""
    found = {}
    for home, space in enumerate(problem.spaces):
        bases = [
            layout.ranges[item.index].base
            for item in problem.items
            if layout.homes[item.index] == home and item.block.pin is None
        ]
        found[space.name] = space.range.end - min(bases, default=space.range.end)
    return found


def room_to_grow(system: System, plan: Plan, component: str, role: Role) -> int:
    """The most bytes by which one role of ``component`` may grow while every block stays where ``plan`` has it."""
    lock = lock_of(plan)
    low, high = 0, max(placement.padding for placement in plan.placements) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if stays(grown(system, component, role, middle), lock):
            low = middle
        else:
            high = middle
    return low


def stays(system: System, lock: Lock) -> bool:
    """Whether ``lock`` is still a plan of ``system``."""
    try:
        return kept(problem_of(system), lock) is not None
    except BadInput:
        return False


def lock_of(plan: Plan) -> Lock:
    """The placement of ``plan`` as a lock."""
    return Lock(
        blocks={
            placement.block.name: LockedBlock(memory=placement.memory, granted=placement.granted, cover=placement.cover)
            for placement in plan.placements
        }
    )


def _found(system: System, effort: Effort) -> tuple[Problem, Layout] | None:
    """The search's own layout, to compare others of its own with."""
    problem = problem_of(system)
    if impossible(problem) or effort.exhausted:
        return None
    trial = Effort(effort.total // TRIAL_SHARE)
    proposal = propose(problem, Placer(problem.unit), trial).proposal
    effort.spend(trial.total - trial.left)
    return None if proposal is None else (problem, proposal.layout)


def _saved(before: tuple[Problem, Layout], after: tuple[Problem, Layout] | None) -> dict[str, int]:
    """Bytes of each memory that ``after`` needs less; empty when it needs more of any, weighted together."""
    if after is None:
        return {}
    old, new = spans(*before), spans(*after)
    saved = {name: old[name] - new[name] for name in old}
    weights = before[0].named_weights
    return saved if sum(weights[name] * count for name, count in saved.items()) > 0 else {}


def _most(saved: dict[str, int]) -> tuple[str, int]:
    return max(saved.items(), key=lambda pair: (pair[1], pair[0]), default=("", 0))


def _shrinks(system: System, problem: Problem, layout: Layout, effort: Effort) -> Iterator[Advice]:
    """Parts of which a few bytes less let their block take a smaller step."""
    placer = Placer(problem.unit)
    for item in sorted(problem.items, key=lambda item: item.block.size - layout.ranges[item.index].size):
        parts = [part for part in item.block.parts if part.role in SHRINKABLE and part.component is not None]
        if not parts or effort.exhausted:
            continue
        part = max(parts, key=lambda part: part.size)
        name = part.component or ""
        slots = layout.slots[item.index]
        least = placer.least(Placer.shape(item), slots)
        granule = problem.unit.granule
        size = (item.block.size - 1) // granule * granule
        while size > 0 and item.block.size - size <= part.size // FEW:
            smaller = problem.unit.least_granted(size, slots)
            less = item.block.size - size
            if least is not None and smaller is not None and least - smaller >= WORTH * less:
                if (advice := _shrink(system, (problem, layout), part, name, less, effort)) is not None:
                    yield advice
                break
            size -= granule


def _shrink(
    system: System, now: tuple[Problem, Layout], part: Part, name: str, less: int, effort: Effort
) -> Advice | None:
    """The advice, when solving again shows the saving, and a smaller one with one byte more left in."""
    memory, saves = _most(_saved(now, _found(shrunk(system, name, part.role, less), effort)))
    if saves < WORTH * less:
        return None
    nearly = _saved(now, _found(shrunk(system, name, part.role, less - 1), effort)) if less > 1 else {}
    if nearly.get(memory, 0) >= saves:
        return None
    return Advice(
        kind="shrink",
        subject=part.name,
        memory=memory,
        amount=less,
        saves=saves,
        text=f"`{part.name}` with {plural(less, 'byte')} less would give {plural(saves, 'byte')} of {memory} back",
    )


def _slots(system: System, problem: Problem, layout: Layout, effort: Effort) -> Iterator[Advice]:
    """One slot more: for each partition whose cap is reached, and for all where the unit's slots are."""
    usable = usable_slots(system)
    for index, name in enumerate(problem.partitions):
        partition = system.partition(name)
        spent = sum(layout.slots[item.index] for item in problem.items if index in item.charged)
        if partition.slots is not None and partition.slots < usable and spent == problem.budgets[index]:
            more = replace(partition, slots=partition.slots + 1)
            partitions = tuple(more if each.name == name else each for each in system.partitions)
            after = _found(replace(system, partitions=partitions), effort)
            memory, saves = _most(_saved((problem, layout), after))
            if saves > 0:
                text = f"one slot more for `{name}` would give {plural(saves, 'byte')} of {memory} back"
                yield Advice(kind="slot", subject=name, memory=memory, amount=1, saves=saves, text=text)
    if system.kernel.reserved_slots:
        kernel = replace(system.kernel, reserved_slots=system.kernel.reserved_slots - 1)
        memory, saves = _most(_saved((problem, layout), _found(replace(system, kernel=kernel), effort)))
        if saves > 0:
            text = f"one slot less reserved for the kernel would give {plural(saves, 'byte')} of {memory} back"
            yield Advice(kind="slot", subject="kernel", memory=memory, amount=1, saves=saves, text=text)


def _growth(system: System, plan: Plan) -> Iterator[Advice]:
    """How far each component's roles may grow before a block must move."""
    blocks = {block.name for block in blocks_of(system)}
    placed: list[tuple[Part, Placement]] = [
        (part, placement)
        for placement in plan.placements
        if placement.block.name in blocks
        for part in placement.block.parts
        if part.role in SHRINKABLE and part.component is not None
    ]
    for part, placement in placed:
        room = room_to_grow(system, plan, part.component or "", part.role)
        yield Advice(
            kind="grow",
            subject=part.name,
            memory=placement.memory,
            amount=room,
            saves=0,
            text=f"`{part.name}` may grow by {plural(room, 'byte')} before a block must move",
        )
