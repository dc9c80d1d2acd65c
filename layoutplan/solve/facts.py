"""The constraints by name, each in the manifest's words and with its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from layoutplan.address import hexadecimal
from layoutplan.errors import plural
from layoutplan.model.plan import Constraint
from layoutplan.solve.background import background_slots
from layoutplan.solve.blocks import load_images
from layoutplan.solve.hardwired import closing_slots
from layoutplan.solve.problem import Problem, usable_slots


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One constraint that the user stated. ``kind`` and ``index`` say which; see :func:`facts_of`."""

    kind: str
    index: int


def facts_of(problem: Problem) -> tuple[Fact, ...]:
    """Every constraint, those that are the dearest to give up first.

    ``block``, ``split``, ``whole`` and ``pin`` count items; ``memory``, ``kernel`` and ``reserve`` (by position in the
    manifest) memories; ``cap`` and ``devices`` (its peripherals) partitions; ``slots`` is the unit's own.
    """
    items = problem.items
    spends = any(item.charged for item in items) or any(problem.devices)
    found = [Fact("memory", home) for home in range(len(problem.spaces))]
    found += [Fact("kernel", home) for home, space in enumerate(problem.spaces) if space.kernel]
    if spends:
        found.append(Fact("slots", 0))
        caps = [problem.system.partition(name).slots for name in problem.partitions]
        found += [Fact("cap", index) for index, cap in enumerate(caps) if cap is not None]
        found += [Fact("devices", index) for index, count in enumerate(problem.devices) if count]
        found += [Fact("split", item.index) for item in items if not item.block.split]
    found += [Fact("reserve", index) for index in range(len(problem.system.reserves))]
    found += [Fact("pin", item.index) for item in items if item.block.pin is not None]
    by_size = sorted(items, key=lambda item: (-item.block.size, item.block.name))
    return (*found, *(Fact("block", item.index) for item in by_size))


def told(problem: Problem, facts: Iterable[Fact]) -> tuple[Constraint, ...]:
    """The facts as the report shows them, sorted by name."""
    return tuple(sorted((_told(problem, fact) for fact in facts), key=lambda constraint: constraint.name))


def where_of(problem: Problem, index: int) -> str:
    """The key path of what asks for an item's block."""
    block = problem.items[index].block
    owner, _, name = block.partition.partition(":")
    if owner == "runtime":
        return "runtime"
    if owner == "shared":
        return "defaults.code" if name == "code" else f"shared.{name}"
    components = [part.component for part in block.parts if part.component]
    return f"component.{components[0]}" if components else f"partition.{owner}"


def _told(problem: Problem, fact: Fact) -> Constraint:
    name, text, path = _worded(problem, fact)
    return Constraint(name=name, text=text, where=problem.system.location(path))


def _worded(problem: Problem, fact: Fact) -> tuple[str, str, str]:
    """Name, text and key path."""
    system, unit = problem.system, problem.unit
    match fact.kind:
        case "block":
            item = problem.items[fact.index]
            homes = " or ".join(item.block.memories)
            what = f"`{item.block.name}` needs {plural(item.block.size, 'byte')} of {homes}"
            if item.block.align > unit.granule:
                what += f", aligned to {item.block.align}"
            if item.charged:
                one = unit.least_granted(item.block.size, 1)
                what += f" ({one} in one slot)" if one is not None and one > item.block.size else ""
                each = " each" if len(item.charged) > 1 else ""
                what += (
                    f" and {plural(least_slots(problem, fact.index), 'slot')}{each} of {_names(problem, item.charged)}"
                )
            return f"block {item.block.name}", what, where_of(problem, fact.index)
        case "split":
            block = problem.items[fact.index].block
            owners = [name for name in block.granted_to if not system.partition(name).split]
            text = f"`{block.name}` may not be split into several regions"
            return f"split {block.name}", text, f"partition.{owners[0]}.split"
        case "pin":
            block = problem.items[fact.index].block
            pin, grid = block.pin or 0, max(unit.granule, block.align)
            off = f", which is not a multiple of {grid}" if pin % grid else ""
            text = f"`{block.name}` is pinned to {hexadecimal(pin)}{off}"
            return f"pin {block.name}", text, f"partition.{block.partition}.pin.{block.kind}"
        case "memory":
            space = problem.spaces[fact.index]
            text = f"{space.name} has {plural(space.range.size, 'byte')}, {space.range}"
            return f"memory {space.name}", text, f"memory.{space.name}.length"
        case "kernel":
            space = problem.spaces[fact.index]
            text = f"the kernel takes {plural(space.kernel, 'byte')} or more of {space.name}"
            images = load_images(system, [item.block for item in problem.items])
            if images and space.name == system.kernel.code_memory:
                text += f", {images} of them the load images of what is copied to RAM"
            return f"kernel {space.name}", text, "kernel"
        case "reserve":
            reserve = system.reserves[fact.index]
            text = f"{reserve.range} of {reserve.memory} is reserved"
            return f"reserve {hexadecimal(reserve.range.base)}", text, f"reserve.{fact.index}"
        case "devices":
            name = problem.partitions[fact.index]
            own = [f"`{grant.name}` {grant.range}" for grant in problem.peripherals if grant.partition == name]
            need = "needs" if len(own) == 1 else "need"
            text = f"{', '.join(own)} {need} {plural(problem.devices[fact.index], 'slot')} of `{name}`"
            path = f"component.{_driver(problem, name)}.peripherals"
            return f"peripherals {name}", text, path
        case "cap":
            name = problem.partitions[fact.index]
            text = f"partition `{name}` may use {plural(system.partition(name).slots or 0, 'slot')}"
            return f"slots {name}", text, f"partition.{name}.slots"
        case _:
            reserved = system.kernel.reserved_slots
            kept = f", of which the kernel reserves {reserved}" if reserved else ""
            if background := background_slots(system):
                why = "entries with Smepmp" if system.smepmp else "without a background map"
                kept += f" and {background} are the kernel's {why}"
            if closing := closing_slots(system):
                kept += f" and {closing} close what hard-wired entries open"
            text = (
                f"the {unit.name} has {plural(system.target.slots, 'slot')}{kept}: {usable_slots(system)} a partition"
            )
            return "slots", text, "target.slots"


def least_slots(problem: Problem, index: int) -> int:
    """The fewest slots in which the item's block can be covered at all, wherever it is."""
    item = problem.items[index]
    return next(
        (slots for slots in (1, 2) if problem.unit.least_granted(item.block.size, slots) is not None),
        1,
    )


def _driver(problem: Problem, partition: str) -> str:
    """The first component of ``partition`` that is granted a peripheral."""
    components = (each for each in problem.system.components if each.partition == partition and each.peripherals)
    return min(component.name for component in components)


def _names(problem: Problem, partitions: Iterable[int]) -> str:
    return ", ".join(f"`{problem.partitions[partition]}`" for partition in partitions)
