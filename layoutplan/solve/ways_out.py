"""Ways out of an infeasible question, each solved again before it is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from layoutplan.address import AddressRange, hexadecimal
from layoutplan.errors import plural
from layoutplan.model.component import Component, Partition, Role, System
from layoutplan.model.memory import Memory, Reserve
from layoutplan.model.plan import Remedy
from layoutplan.solve.capacity import impossible
from layoutplan.solve.effort import Effort
from layoutplan.solve.facts import Fact
from layoutplan.solve.homes import propose
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, problem_of

MOST_OFFERED = 6
"""More ways out than this help nobody to choose."""

MOST_BLOCKS = 4
"""Of a core of many blocks the largest are the ones to look at."""

TRIAL_SHARE = 20
"""One trial gets this part of the effort; one that is not decided within it is not offered."""

FLAG_COST, SLOT_COST = 1.0, 2.0
"""What a changed key and a slot more weigh against bytes."""

SHRINKABLE = (Role.TEXT, Role.RODATA, Role.BSS, Role.DATA)


@dataclass(frozen=True, slots=True)
class Change:
    """An edit of the manifest by ``amount``; the larger, the more is given up."""

    text: Callable[[int], str]
    edit: Callable[[int], System]
    most: int
    cost: float


def ways_out(problem: Problem, core: Sequence[Fact], effort: int) -> tuple[Remedy, ...]:
    """The cheapest verified remedies, least cost first. Amounts are the least for which solving again says yes."""
    found: list[Remedy] = []
    budget = Effort(effort)
    blocks = [fact for fact in core if fact.kind == "block"]
    largest = sorted(blocks, key=lambda fact: (-problem.items[fact.index].block.size, fact))[:MOST_BLOCKS]
    others = [fact for fact in core if fact.kind != "block"]
    for change in _changes(problem, (*others, *largest)):
        if budget.exhausted:
            break
        amount = _least(change, budget)
        if amount is not None:
            found.append(Remedy(text=change.text(amount), cost=change.cost * amount))
    return tuple(sorted(found, key=lambda remedy: (remedy.cost, remedy.text))[:MOST_OFFERED])


def fits(system: System, effort: Effort) -> bool:
    """Whether a layout of ``system`` is found within a part of ``effort``."""
    problem = problem_of(system)
    if impossible(problem):
        return False
    trial = Effort(effort.total // TRIAL_SHARE)
    found = propose(problem, Placer(problem.unit), trial, any_will_do=True).proposal
    effort.spend(trial.total - trial.left)
    return found is not None


def _least(change: Change, effort: Effort) -> int | None:
    """The least amount that helps, by bisection, each step solved; ``None`` when even the most does not."""
    low, high = 0, change.most
    if high < 1 or not fits(change.edit(high), effort):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if fits(change.edit(middle), effort):
            high = middle
        else:
            low = middle
    return high


def _changes(problem: Problem, core: Sequence[Fact]) -> Iterator[Change]:
    """What can be changed about the facts of the core: flags and pins first, then slots, then bytes."""
    system = problem.system
    for fact in core:
        match fact.kind:
            case "pin":
                block = problem.items[fact.index].block
                partition = system.partition(block.partition)
                pins = {kind: address for kind, address in partition.pin.items() if kind is not block.kind}
                yield _flag(f"lift the pin of `{block.name}`", _with_partition(system, replace(partition, pin=pins)))
            case "split":
                block = problem.items[fact.index].block
                for name in block.granted_to:
                    partition = system.partition(name)
                    if not partition.split:
                        changed = _with_partition(system, replace(partition, split=True))
                        yield _flag(f"allow `{name}` split = true", changed)
            case "cap":
                yield from _slots(system, problem.partitions[fact.index])
            case "reserve":
                yield _flag(_freed(system.reserves[fact.index]), _without_reserve(system, fact.index))
            case "memory":
                yield _longer(system, system.target.memory(problem.spaces[fact.index].name))
            case "slots" if system.kernel.reserved_slots:
                yield _fewer_reserved(system)
            case "block":
                yield from _smaller(problem, fact.index)


def _flag(text: str, changed: System) -> Change:
    return Change(text=lambda _: text, edit=lambda _: changed, most=1, cost=FLAG_COST)


def _slots(system: System, name: str) -> Iterator[Change]:
    partition = system.partition(name)
    cap = partition.slots or 0
    yield Change(
        text=lambda more: f"allow `{name}` {plural(more, 'slot')} more: slots = {cap + more}",
        edit=lambda more: _with_partition(system, replace(partition, slots=cap + more)),
        most=max(0, system.target.slots - system.kernel.reserved_slots - cap),
        cost=SLOT_COST,
    )


def _fewer_reserved(system: System) -> Change:
    kept = system.kernel.reserved_slots
    return Change(
        text=lambda fewer: f"let the kernel reserve {plural(kept - fewer, 'slot')} instead of {kept}",
        edit=lambda fewer: replace(system, kernel=replace(system.kernel, reserved_slots=kept - fewer)),
        most=kept,
        cost=SLOT_COST,
    )


def _freed(reserve: Reserve) -> str:
    return f"free the reserve at {hexadecimal(reserve.range.base)} of {reserve.memory}"


def _without_reserve(system: System, index: int) -> System:
    return replace(system, reserves=(*system.reserves[:index], *system.reserves[index + 1 :]))


def _longer(system: System, memory: Memory) -> Change:
    def edit(more: int) -> System:
        grown = replace(memory, range=AddressRange(memory.range.base, memory.range.end + more))
        memories = tuple(grown if each is memory else each for each in system.target.memories)
        return replace(system, target=replace(system.target, memories=memories))

    return Change(
        text=lambda more: (
            f"{plural(more, 'byte')} more of {memory.name}: {memory.range.size + more} instead of {memory.range.size}"
        ),
        edit=edit,
        most=memory.range.size,
        # A chip with more memory is dearer than the same bytes of code.
        cost=2.0,
    )


def _smaller(problem: Problem, index: int) -> Iterator[Change]:
    """Fewer bytes in the largest part of a block whose size somebody chose or compiled."""
    system, block = problem.system, problem.items[index].block
    parts = [part for part in block.parts if part.role in SHRINKABLE and part.component is not None]
    if not parts:
        return
    part = max(parts, key=lambda part: part.size)
    name, role = part.component or "", part.role
    yield Change(
        text=lambda less: (
            f"`{name}` with {plural(less, 'byte')} less {role}: {part.size - less} instead of {part.size}"
        ),
        edit=lambda less: shrunk(system, name, role, less),
        most=part.size - 1,
        cost=1.0,
    )


def shrunk(system: System, name: str, role: Role, less: int) -> System:
    """``system`` with ``less`` bytes fewer of one role of a component, taken off its largest section."""
    return _with_component(system, name, lambda component: _resized(component, role, -less))


def grown(system: System, name: str, role: Role, more: int) -> System:
    """``system`` with ``more`` bytes of one role of a component, added to its last section."""
    return _with_component(system, name, lambda component: _resized(component, role, more))


def _resized(component: Component, role: Role, by: int) -> Component:
    if not component.sections:
        sizes: Mapping[Role, int] = component.sizes or {}
        return replace(component, sizes={**sizes, role: sizes.get(role, 0) + by})
    own = [section for section in component.sections if section.role is role]
    chosen = max(own, key=lambda section: section.size) if by < 0 else own[-1]
    sections = tuple(
        replace(section, size=max(0, section.size + by)) if section is chosen else section
        for section in component.sections
    )
    return replace(component, sections=sections)


def _with_component(system: System, name: str, change: Callable[[Component], Component]) -> System:
    if system.runtime is not None and system.runtime.name == name:
        return replace(system, runtime=change(system.runtime))
    components = tuple(change(each) if each.name == name else each for each in system.components)
    return replace(system, components=components)


def _with_partition(system: System, changed: Partition) -> System:
    partitions = tuple(changed if each.name == changed.name else each for each in system.partitions)
    return replace(system, partitions=partitions)
