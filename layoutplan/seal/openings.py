"""The fault of a name that a sealed object leaves open and may not."""

from __future__ import annotations

from layoutplan.errors import Fault
from layoutplan.model.component import Component

_RUNTIME_NAMES = ("mem", "__aeabi_", "bcmp", "strlen", "__mul", "__div", "__udiv", "__mod", "__umod", "__ash", "__lshr")


def open_name(component: Component, name: str) -> Fault:
    """Says who would be taken for it, and what the name's likely owner is."""
    if name.startswith("__lp_shared_"):
        hint = f'give the partition access to that share: [shared.…] access = {{ {component.partition} = "r" }}'
    elif name.startswith("__lp_") and name.endswith(("_heap_start", "_heap_end")):
        hint = f'give the component a heap of its own: [component.{component.name}] heap = "1K"'
    elif name.startswith(_RUNTIME_NAMES):
        hint = "name the runtime's archive (libcompiler_builtins, libgcc.a, libc.a) in `[target] libraries`"
    else:
        hint = "add the object that defines it, or let a component of the same partition or `[runtime]` export it"
    return Fault(
        code="undefined-symbol",
        message=f"`{component.name}` uses `{name}`, which nothing that it may use defines; the kernel's would be taken",
        where=f"component.{component.name}",
        hint=hint,
    )
