"""How numbers and facts of the document read, the same in every writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layoutplan.address import hexadecimal
from layoutplan.errors import plural

Document = Mapping[str, Any]


def percent(part: float, whole: float) -> str:
    """``4.5 %`` with one decimal below ten; ``-`` of nothing."""
    if not whole:
        return "-"
    value = 100 * part / whole
    return f"{value:.1f} %" if value < 99.95 else f"{value:.0f} %"


def size(count: int) -> str:
    """A length that people chose: ``128 KiB`` where that is exact, else bytes."""
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} B"


def answer(document: Document) -> str:
    """The one sentence that a reader looks for first."""
    if document["feasible"] is None:
        return "undecided: neither a plan nor a proof that there is none"
    if not document["feasible"]:
        return "infeasible: no plan meets every constraint"
    proof = document["proof"]
    proved = f"{proof['proved']} of {plural(proof['obligations'], 'obligation')} proved"
    return f"planned, {proved}" if is_proved(document) else f"planned but NOT proved: {proved}"


def is_proved(document: Document) -> bool:
    """Whether there is a plan that the checker accepts in full."""
    proof = document["proof"]
    complete = proof["obligations"] > 0 and proof["proved"] == proof["obligations"]
    return bool(document["feasible"] and complete and not proof["findings"] and not proof["unknown"])


def question(document: Document) -> str:
    """What was planned, for what: ``isolation mpu, armv7m with 8 slots (mps2-an385)``."""
    target = document["target"]
    isolation = " + ".join(document["isolation"])
    chip = f" ({target['chip']})" if target["chip"] else ""
    if document["unit"] == "none":
        return f"isolation {isolation}, no protection unit in use{chip}"
    return f"isolation {isolation}, {document['unit']} with {plural(target['slots'], 'slot')}{chip}"


def slot_use(document: Document) -> str:
    """``4 dynamic from slot 3, 3 static from slot 0, 1 reserved from slot 7``, and which are the kernel's own."""
    slots = document["slots"]
    kinds = [(kind, slots[kind], slots[f"first_{kind}"]) for kind in ("dynamic", "static", "reserved")]
    counted = ", ".join(f"{count} {kind} from slot {first}" for kind, count, first in kinds if count) or "none"
    first = document["registers"][0]["partition"] if document["registers"] else ""
    owners = [register["owner"] or "" for register in document["registers"] if register["partition"] == first]
    own = [owner for owner in owners if owner.startswith("kernel ")]  # no block's name has a space
    if not own:
        return counted
    verb = "is" if len(own) == 1 else "are"
    return f"{counted}; {len(own)} static {verb} for the kernel alone ({', '.join(dict.fromkeys(own))})"


def software_bounds(bounds: Mapping[str, int]) -> str:
    """``1024 B from 0x2000_fc00``, and how the component keeps to them where it does not compare."""
    masked = f", addresses masked by {hexadecimal(bounds['mask'])}" if bounds["mask"] else ""
    return f"{bounds['size']} B from {hexadecimal(bounds['base'])}{masked}"


def switch_cost(document: Document) -> str:
    """What a switch to another partition costs."""
    switch = document["switch"]
    stores = plural(switch["stores"], "store")
    return f"{stores} per switch for {plural(switch['dynamic_slots'], 'dynamic slot')}"


def cost_against_none(document: Document) -> str:
    """What isolation costs against the same blocks packed tightly."""
    cost = document["cost_vs_none"]
    sizes = cost_in_bytes(document)
    instructions = cost["instructions"]
    measured = "instructions not measured" if instructions is None else plural(instructions, "instruction")
    return f"{sizes}, and {plural(cost['stores'], 'store')} per switch ({measured})"


def cost_in_bytes(document: Document) -> str:
    """``64 B of flash, 176 B of ram``: the memories that hold blocks."""
    filled = {block["memory"] for block in document["blocks"]}
    cost = document["cost_vs_none"]["bytes"]
    return ", ".join(f"{count} B of {name}" for name, count in cost.items() if name in filled) or "no bytes"


def waste_bound(memory: Mapping[str, Any]) -> str:
    """What is wasted, and how much of it no other plan could save (the other memories being as they are)."""
    bound = memory["bound"]
    wasted = f"{memory['span'] - memory['used']} B"
    if bound["proved_gap"] == 0:
        return f"{wasted}, proved to be the least"
    return f"{wasted}, {bound['waste']} B of them proved unavoidable"


def enabled_slots(document: Document) -> dict[str, tuple[int, int]]:
    """By partition: hardware slots that match something, and all that it could have."""
    counts: dict[str, tuple[int, int]] = {}
    for register in document["registers"]:
        enabled, available = counts.get(register["partition"], (0, 0))
        counts[register["partition"]] = (enabled + bool(register["matches"]), available + (not register["reserved"]))
    return counts


def rights(block: Mapping[str, Any]) -> str:
    """``rw io; r gps, mix``: who may do what, the widest rights first."""
    by_access: dict[str, list[str]] = {}
    for partition, access in block["rights"].items():
        by_access.setdefault(access, []).append(partition)
    ordered = sorted(by_access.items(), key=lambda item: (-len(item[0]), item[0]))
    return "; ".join(f"{access} {', '.join(names)}" for access, names in ordered)
