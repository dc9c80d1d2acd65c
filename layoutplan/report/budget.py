"""The budget of the manifest: limits that turn a plan into a no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layoutplan.errors import Fault
from layoutplan.model.component import Budget


def over_budget(document: Mapping[str, Any], budget: Budget) -> tuple[Fault, ...]:
    """One fault per limit exceeded, none for a plan within its budget.

    ``max-padding`` limits, memory by memory, padding as a fraction of what is granted. A memory's own limit is on
    everything but its free bytes: blocks, padding, gaps, the kernel's minimum and reserves.
    """
    manifest = document["manifest"]
    faults = []
    for memory in document["memories"]:
        name = memory["name"]
        granted = memory["used"] + memory["padding"]
        if budget.max_padding is not None and memory["padding"] > budget.max_padding * granted:
            worst = max((b for b in document["blocks"] if b["memory"] == name), key=lambda block: block["padding"])
            faults.append(
                Fault(
                    code="budget-padding",
                    message=f"`{name}` has {memory['padding']} bytes of padding in {granted} granted, "
                    f"{_percent(memory['padding'] / granted)}; the limit is {_percent(budget.max_padding)}",
                    where=f"{manifest}: budget.max-padding",
                    hint=f"most of it, {worst['padding']} bytes, is in `{worst['name']}`; one more slot for it or a "
                    "higher `--effort` may save some",
                )
            )
        limit = budget.memories.get(name)
        taken = memory["length"] - memory["free"]
        if limit is not None and taken > limit * memory["length"]:
            faults.append(
                Fault(
                    code="budget-memory",
                    message=f"{taken} of the {memory['length']} bytes of `{name}` are taken, "
                    f"{_percent(taken / memory['length'])}; the limit is {_percent(limit)}",
                    where=f"{manifest}: budget.{name}",
                    hint=f"{taken - int(limit * memory['length'])} bytes less would be within it",
                )
            )
    return tuple(faults)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + " %"
