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
    by_convention: dict[str, list[str]] = {}
    for found in objects:
        if found.machine is not system.target.machine:
            text = f"the object is for {_NAMES[found.machine]}, and the target is {_NAMES[system.target.machine]}"
            faults.append(Fault(code="wrong-machine", message=text, where=found.name, hint=_COMPILE))
            continue
        if found.machine is Machine.RISCV:
            by_convention.setdefault(_convention(found), []).append(found.name)
        try:
            attributes = found.attributes
        except BadInput as error:
            faults += error.faults
            continue
        runs = RUNS.get(system.target.unit)
        if runs is not None and attributes.cpu_arch is not None and attributes.cpu_arch not in runs:
            known = ", ".join(CPU_ARCH[value] for value in sorted(runs))
            text = f"the object is for {attributes.architecture}, and the target runs {known}"
            faults.append(Fault(code="wrong-architecture", message=text, where=found.name, hint=_COMPILE))
        elif attributes.architecture is not None:
            by_architecture.setdefault(attributes.architecture, []).append(found.name)
    if system.target.machine is Machine.ARM and len(by_architecture) > 1:
        faults.append(_mixed("architectures", by_architecture))
    if len(by_convention) > 1:
        faults.append(_mixed("calling conventions", by_convention))
    return faults


def _convention(found: RelocatableObject) -> str:
    """The calling convention of a RISC-V object, which one image has one of (psABI, e_flags)."""
    floats = {0: "soft float", 2: "single float", 4: "double float", 6: "quad float"}[found.elf.flags & 6]
    return f"{floats}, 16 registers" if found.elf.flags & 8 else floats


_NAMES = {Machine.ARM: "Arm", Machine.RISCV: "RISC-V"}
_COMPILE = "compile it for the chip that [target] names, or correct [target]"


def _mixed(what: str, objects: Mapping[str, list[str]]) -> Fault:
    groups = "; ".join(
        f"{kind}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        for kind, names in sorted(objects.items())
    )
    hint = "compile all components for one target"
    return Fault(code="mixed-architecture", message=f"objects of several {what}: {groups}", hint=hint)
