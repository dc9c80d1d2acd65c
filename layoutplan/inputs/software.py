"""What isolation by compiler-inserted checks asks of components: one linear memory each task's base register reaches.

The compiler's convention: every access to linear memory is relative to a base register (Arm r11, RV32 s11), and the
checks compare with its size, or mask by that minus one: on Arm the size is in r10, on RV32 it was compiled in. Checked
code never writes these registers. Further memories of a component are plain data under names of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from layoutplan.address import is_power_of_two, next_power_of_two
from layoutplan.errors import Fault
from layoutplan.inputs.safety import SafetyManifest
from layoutplan.model.access import BoundsChecks, Isolation
from layoutplan.model.component import Component, System
from layoutplan.objects import RelocatableObject

OWN_MEMORY_SYMBOL = "__synth_wasm_data"
OWN_MEMORY_SECTION = ".synth.wasm_mem_0"
"""How an object says that its first linear memory is inside it, at an absolute address: no base register is used."""


def checks_of(safety: Sequence[SafetyManifest]) -> BoundsChecks | None:
    """Which checks the compiler says are in all of a component's objects; masks where any object has them."""
    words = {one.safety_bounds for one in safety}
    if not words or not words <= {*BoundsChecks}:
        return None
    return BoundsChecks.MASK if BoundsChecks.MASK in words else BoundsChecks.SOFTWARE


GUARD = 8
"""The widest access of a compiler to linear memory, in bytes."""


def guarded(system: System, component: Component) -> Component:
    """``component`` with a guard of its own behind a masked linear memory, which nothing else would keep.

    A mask bounds the first byte of an access, not the last: one of eight bytes at the last offset ends seven bytes
    behind the memory. There is the heap, so that a component without one gets one of a guard's size; with an MPU the
    region ends what a guard would only move.
    """
    alone = Isolation.SOFTWARE in system.isolation and Isolation.MPU not in system.isolation
    if not alone or component.bounds_checks is not BoundsChecks.MASK:
        return component
    return replace(component, heap=max(component.heap, GUARD))


def unbounded(
    system: System, component: Component, rows: Iterable[RelocatableObject], safety: Sequence[SafetyManifest]
) -> Iterator[Fault]:
    """Why no base and size keep the measured ``component`` inside its linear memory."""
    if Isolation.SOFTWARE not in system.isolation or component.bounds_checks is None:
        return
    name, size = component.name, component.linear_memory
    where = system.location(f"component.{name}.linear-memory")
    if own := next((found for row in rows for found in _own_memory(row)), None):
        text = f"`{name}` brings its linear memory in its own data (`{own}`) and does not use the base register"
        hint = "compile it without --native-pointer-abi: the plan gives it a linear memory"
        objects = system.location(f"component.{name}.objects")
        yield Fault(code="own-linear-memory", message=text, where=objects, hint=hint)
        return
    declared = sum(one.linear_memory_bytes for one in safety)
    if size < declared:
        text = f"`{name}` was compiled for {declared} bytes of linear memory, and the manifest gives it {size}"
        yield Fault(code="linear-memory", message=text, where=where, hint="leave `linear-memory` out")
    elif component.bounds_checks is BoundsChecks.MASK and not is_power_of_two(size):
        # Size minus one is the mask. Of zero bytes it would be all ones, and check nothing.
        text = f"`{name}` masks its addresses, and its linear memory of {size} bytes is not a power of two"
        hint = f"give linear-memory = {next_power_of_two(max(size, 1))}" if size else 'give linear-memory = "64K"'
        yield Fault(code="mask-size", message=text, where=where, hint=hint)


def several_memories(system: System, components: Sequence[Component]) -> Iterator[Fault]:
    """A partition has one base: components that call each other pass no registers of the convention on."""
    if Isolation.SOFTWARE not in system.isolation:
        return
    for partition in system.partitions:
        owners = sorted(c.name for c in components if c.partition == partition.name and c.linear_memory)
        if len(owners) > 1:
            names = ", ".join(f"`{name}`" for name in owners)
            text = f"partition `{partition.name}` has {len(owners)} linear memories ({names}) and one base register"
            where = system.location(f"component.{owners[1]}.partition")
            hint = "give each of these components a partition of its own"
            yield Fault(code="linear-memory", message=text, where=where, hint=hint)


def _own_memory(row: RelocatableObject) -> Iterator[str]:
    # Sealing makes the symbol local, so not only what is global counts.
    for symbol in row.elf.symbols:
        if symbol.name == OWN_MEMORY_SYMBOL and not symbol.undefined:
            yield symbol.name
    for section in row.allocated:
        if section.name == OWN_MEMORY_SECTION or section.name.endswith(OWN_MEMORY_SECTION):
            yield OWN_MEMORY_SECTION
