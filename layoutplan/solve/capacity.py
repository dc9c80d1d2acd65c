"""Impossibilities that counting shows: slots, and bytes of one memory. Each with its numbers, without Z3."""

from __future__ import annotations

from layoutplan.model.plan import Constraint
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import Problem, usable_slots


def impossible(problem: Problem, placer: Placer) -> tuple[Constraint, ...]:
    """The first core that counting alone gives, sorted by name; empty when counting forbids nothing."""
    return _slots(problem, placer) or _bytes(problem)


def _slots(problem: Problem, placer: Placer) -> tuple[Constraint, ...]:
    """More slots needed at least, by one partition, than it may have."""
    system = problem.system
    for index, name in enumerate(problem.partitions):
        members = [item for item in problem.items if index in item.charged]
        least = {item.index: _least_slots(placer, problem, item.index) for item in members}
        if sum(least.values()) <= problem.budgets[index]:
            continue
        facts = [
            Constraint(
                name=f"block {item.block.name}",
                text=f"`{item.block.name}` needs {least[item.index]} slot{'s' * (least[item.index] > 1)} of `{name}`",
                where=system.location(where_of(problem, item.index)),
            )
            for item in members
        ]
        for grant in problem.peripherals:
            if grant.partition == name:
                count = problem.unit.cost(grant.cover)
                facts.append(
                    Constraint(
                        name=f"peripheral {grant.name}",
                        text=f"peripheral `{grant.name}` {grant.range} needs {count} "
                        f"slot{'s' * (count > 1)} of `{name}`",
                        where=system.location(f"peripheral.{grant.name}"),
                    )
                )
        facts.append(_cap(problem, name))
        return tuple(sorted(facts, key=lambda fact: fact.name))
    return ()


def _cap(problem: Problem, partition: str) -> Constraint:
    system = problem.system
    cap = system.partition(partition).slots
    usable = usable_slots(system)
    if cap is not None and cap < usable:
        return Constraint(
            name=f"slots {partition}",
            text=f"partition `{partition}` may use {cap} slots",
            where=system.location(f"partition.{partition}.slots"),
        )
    reserved = system.kernel.reserved_slots
    kept = f", {reserved} reserved" if reserved else ""
    return Constraint(
        name="slots",
        text=f"the {problem.unit.name} has {system.target.slots} slots{kept}: {usable} for a partition",
        where=system.location("target.slots"),
    )


def where_of(problem: Problem, index: int) -> str:
    """The key path of what asks for a block."""
    block = problem.items[index].block
    owner, _, name = block.partition.partition(":")
    if owner == "runtime":
        return "runtime"
    if owner == "shared":
        return "defaults.code" if name == "code" else f"shared.{name}"
    components = [part.component for part in block.parts if part.component]
    return f"component.{components[0]}" if components else f"partition.{owner}"


def _least_slots(placer: Placer, problem: Problem, index: int) -> int:
    item = problem.items[index]
    shape = Placer.shape(item)
    for slots in range(1, 3):
        if placer.least(shape, slots) is not None:
            return slots
    return 1


def _bytes(problem: Problem) -> tuple[Constraint, ...]:
    """More bytes asked of one memory, by what can live nowhere else, than it has."""
    system = problem.system
    for home, space in enumerate(problem.spaces):
        bound = [item for item in problem.items if problem.homes(item) == (home,)]
        asked = sum(item.block.size for item in bound)
        free = space.range.size - space.kernel - sum(part.size for part in space.reserved)
        if asked <= free:
            continue
        facts = [
            Constraint(
                name=f"block {item.block.name}",
                text=f"`{item.block.name}` needs {item.block.size} bytes of {space.name}",
                where=system.location(where_of(problem, item.index)),
            )
            for item in bound
        ]
        facts.append(
            Constraint(
                name=f"memory {space.name}",
                text=f"{space.name} has {space.range.size} bytes",
                where=system.location(f"memory.{space.name}.length"),
            )
        )
        return tuple(sorted(facts, key=lambda fact: fact.name))
    return ()
