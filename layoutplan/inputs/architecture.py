"""One image has one architecture: objects of two once linked into an empty ELF, without a word from the linker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import Machine, UnitName
from layoutplan.model.component import System
from layoutplan.objects import RelocatableObject
from layoutplan.objects.attributes import CPU_ARCH

RUNS: Mapping[UnitName, frozenset[int]] = {
    UnitName.ARMV6M: frozenset({11, 12}),
    UnitName.ARMV7M: frozenset({10, 11, 12, 13}),
    UnitName.ARMV8M: frozenset({10, 11, 12, 13, 16, 17, 21}),
}
"""``Tag_CPU_arch`` values whose code each profile executes: v7-M runs v6-M code, v8-M Mainline runs v7-M code."""


def one_architecture(system: System, objects: Iterable[RelocatableObject]) -> list[Fault]:
    """One fault for each object of another machine or architecture than the target's or the other objects'."""
    faults: list[Fault] = []
    by_architecture: dict[str, list[str]] = {}
    for found in objects:
        if found.machine is not system.target.machine:
            text = f"the object is for {_NAMES[found.machine]}, and the target is {_NAMES[system.target.machine]}"
            faults.append(Fault(code="wrong-machine", message=text, where=found.name))
            continue
        try:
            attributes = found.attributes
        except BadInput as error:
            faults += error.faults
            continue
        runs = RUNS.get(system.target.unit)
        if runs is not None and attributes.cpu_arch is not None and attributes.cpu_arch not in runs:
            known = ", ".join(CPU_ARCH[value] for value in sorted(runs))
            text = f"the object is for {attributes.architecture}, and the target runs {known}"
            faults.append(Fault(code="wrong-architecture", message=text, where=found.name))
        elif attributes.architecture is not None:
            by_architecture.setdefault(attributes.architecture, []).append(found.name)
    if system.target.machine is Machine.ARM and len(by_architecture) > 1:
        faults.append(_mixed(by_architecture))
    return faults


_NAMES = {Machine.ARM: "Arm", Machine.RISCV: "RISC-V"}


def _mixed(by_architecture: Mapping[str, list[str]]) -> Fault:
    groups = "; ".join(
        f"{architecture}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for architecture, names in sorted(by_architecture.items())
    )
    hint = "compile all components for one target"
    return Fault(code="mixed-architecture", message=f"objects of several architectures: {groups}", hint=hint)
