"""Names that the kernel's own code may refer to: a component that showed one would be taken for its real owner.

Sealing leaves entries and exports global. A linker binds the kernel's calls to them before it looks into an archive
for the compiler's run time, and lets them replace weak definitions, such as those of interrupt handlers. What the
kernel's crate defines itself cannot be known here; two definitions of that the linker refuses.
"""

from __future__ import annotations

import re
from collections.abc import Container

from layoutplan.inputs.chips.catalogue import read_chip
from layoutplan.inputs.faults import Faults
from layoutplan.inputs.location import KeyPath
from layoutplan.inputs.schema import ManifestTable
from layoutplan.inputs.svd import Svd
from layoutplan.model.component import Component, System

_MEMORY = ("memcpy", "memmove", "memset", "memcmp", "memchr", "bcmp", "bcopy", "bzero", "strlen")
"""What compilers call on their own (LLVM's run-time library calls), and their near relatives."""

_MATHEMATICS = (
    *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "erf"),
    *("erfc", "exp", "exp2", "exp10", "expm1", "fabs", "fdim", "floor", "fma", "fmax", "fmaximum", "fmin", "fminimum"),
    *("fmod", "frexp", "hypot", "ilogb", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "modf", "nextafter"),
    *("pow", "remainder", "remquo", "rint", "round", "roundeven", "scalbn", "sin", "sincos", "sinh", "sqrt", "tan"),
    *("tanh", "tgamma", "trunc"),
)
"""Functions of libm, each also with an ``f`` or ``l`` behind it: ``compiler_builtins`` defines them weakly."""

_HANDLERS = (
    *("Reset", "NonMaskableInt", "NMI", "HardFault", "HardFaultTrampoline", "MemoryManagement", "MemManage"),
    *("BusFault", "UsageFault", "SecureFault", "SVCall", "SVC", "DebugMonitor", "PendSV", "SysTick"),
    *("DefaultHandler", "DefaultPreInit", "DefaultInterruptHandler", "ExceptionHandler", "DefaultExceptionHandler"),
    *("MachineSoft", "MachineTimer", "MachineExternal", "SupervisorSoft", "SupervisorTimer", "SupervisorExternal"),
    *("CoreInterruptHandler", "MachineEnvCall", "UserEnvCall", "Breakpoint", "IllegalInstruction", "LoadFault"),
    *("LoadMisaligned", "InstructionFault", "InstructionMisaligned", "StoreFault", "StoreMisaligned", "hal_main"),
    *("abort", "exit", "malloc", "free", "calloc", "realloc", "environ", "errno", "end"),
)
"""Entries of the vector table as cortex-m-rt, riscv-rt and CMSIS name them, and what a C library's start code uses."""

_PLAIN = frozenset((*_MEMORY, *_HANDLERS, *(f"{name}{end}" for name in _MATHEMATICS for end in ("", "f", "l"))))

_PATTERN = re.compile(
    r"LP_"  # the region table
    r"|lp_entry_"
    r"|rust_|.*___rustc"  # rust_begin_unwind, and the allocator's shims under their mangled names
    r"|_[^Z]|_Z(n[wa]|d[la])|_ZN?(4core|5alloc|17compiler_builtins)"  # the implementation's (ISO C, 7.1.3)
    r"|.*(_Handler|_IRQHandler)$"
)


_OF_A_COMPONENT = "rename it; what a component calls only itself needs no export"
_OF_THE_RUNTIME = "list what components call in `exports`; each seals a `memcpy` of its own from `[target] libraries`"


def check_captured(system: System, manifest: ManifestTable, svd: Svd, faults: Faults) -> None:
    """Add one fault for each entry or export that the kernel would take for its own or its run time's."""
    interrupts = {*svd.interrupts, *(read_chip(system.target.chip).interrupt if system.target.chip else ())}
    for component in (*((system.runtime,) if system.runtime else ()), *system.components):
        for name in dict.fromkeys((*filter(None, [component.entry]), *component.exports)):
            if is_captured(name, interrupts):
                hint = _OF_THE_RUNTIME if component is system.runtime else _OF_A_COMPONENT
                text = f"`{component.name}` would show `{name}` to the kernel, whose own calls could end in it"
                faults.add("captured-symbol", _place(system, manifest, component, name), text, hint)


def is_captured(name: str, interrupts: Container[str] = ()) -> bool:
    """Whether the name is the region table's, a compiler's, a run time's, or a handler's; also with a version."""
    bare = name.partition("@")[0] or name
    return bare in _PLAIN or bare in interrupts or _PATTERN.match(bare) is not None


def _place(system: System, manifest: ManifestTable, component: Component, name: str) -> KeyPath:
    """Where the manifest names it: the component's entry or exports, or the entry of one of its further tasks."""
    at: KeyPath = ("runtime",) if component is system.runtime else ("component", component.name)
    if component.entry == name:
        return (*at, "entry")
    table = manifest.component.get(component.name)
    if table is not None and name in table.exports:
        return (*at, "exports", table.exports.index(name))
    for task, row in manifest.task.items():
        if row.component == component.name and row.entry == name:
            return ("task", task, "entry")
    return (*at, "exports")
