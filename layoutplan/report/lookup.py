"""Who owns an address, and who may touch it through which slot."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, hexadecimal
from layoutplan.errors import BadInput, Fault
from layoutplan.model.access import UnitName
from layoutplan.report.registers import HIGHEST_SLOT_WINS
from layoutplan.report.tables import Column, Table
from layoutplan.report.terminal import Terminal, write_tables
from layoutplan.report.wording import Document


def explain(document: Document, subject: str | int) -> dict[str, Any]:
    """What stands at an address, or at the first byte of what a name stands for.

    ``subject`` is an address (also as text: ``0x2000_7204``), or a name: a block, part, share, peripheral or task's
    entry, or one of the linker script's ``__lp_…_start`` and ``__lp_…_end``; an ``_end`` means the last byte before
    it. Raises ``BadInput`` for a name that the report does not hold.
    """
    address = subject if isinstance(subject, int) else _address(document, subject)
    block = next((b for b in document["blocks"] if address in AddressRange.of(b["base"], b["granted"])), None)
    peripheral = next((p for p in document["peripherals"] if address in AddressRange.of(p["base"], p["size"])), None)
    memory = next((m for m in document["memories"] if address in AddressRange.of(m["origin"], m["length"])), None)
    owner, state = _owner(document, address, block, peripheral, memory)
    return {
        "version": 1,
        "subject": str(subject) if isinstance(subject, str) else hexadecimal(subject),
        "address": address,
        "memory": memory["name"] if memory else None,
        "owner": owner,
        "state": state,
        "block": block["name"] if block else None,
        "offset": address - block["base"] if block else None,
        "part": _part(block, address) if block else None,
        "access": list(_access(document, address)),
        "unrestricted": document["unit"] == "none",
    }


def _address(document: Document, subject: str) -> int:
    try:
        address = int(subject, 0)
    except ValueError:
        pass
    else:
        if not 0 <= address < ADDRESS_SPACE_END:
            message = f"`{subject}` is not an address: they go from 0 to {hexadecimal(ADDRESS_SPACE_END - 1)}"
            raise BadInput([Fault(code="unknown-address", message=message, hint="give one of 32 bits, or a name")])
        return address
    names = dict(_names(document))
    if subject not in names:
        near = difflib.get_close_matches(subject, names, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "give an address, or the name of a block or part"
        raise BadInput([Fault(code="unknown-name", message=f"the report knows no `{subject}`", hint=hint)])
    return names[subject]


def _names(document: Document) -> Iterator[tuple[str, int]]:
    """Every name that stands for an address. Later ones win: what a person says before what a linker says."""
    texts: dict[str | None, int | None] = {}
    for block in document["blocks"]:
        stem = block["name"].replace(".", "_").replace(":", "_").replace("-", "_")
        yield f"__lp_{stem}_start", block["base"]
        yield f"__lp_{stem}_end", block["base"] + block["granted"] - 1
        for part in block["parts"]:
            yield part["name"], part["base"]
            texts[part["component"]] = part["base"] if part["role"] == "text" else texts.get(part["component"])
            if part["role"] == "heap":
                component = str(part["component"]).replace("-", "_")
                yield f"__lp_{component}_heap_start", part["base"]
                yield f"__lp_{component}_heap_end", part["base"] + part["size"] - 1
    for task in document["tasks"]:
        text = texts.get(task["component"])
        if text is not None:
            yield task["entry"], text
    for peripheral in document["peripherals"]:
        yield peripheral["name"], peripheral["base"]
    for share in document["shares"]:
        yield share["name"], share["base"]
    for block in document["blocks"]:
        yield block["name"], block["base"]


Entry = Mapping[str, Any]


def _owner(
    document: Document, address: int, block: Entry | None, peripheral: Entry | None, memory: Entry | None
) -> tuple[str | None, str]:
    if block is not None:
        return block["partition"], "used" if address < block["base"] + block["used"] else "padding"
    if peripheral is not None:
        return peripheral["partition"], "peripheral"
    if memory is None:
        return None, "outside"
    if any(r["memory"] == memory["name"] and r["base"] <= address < r["end"] for r in document["reserves"]):
        return None, "reserved"
    unpinned = [b["base"] for b in document["blocks"] if b["memory"] == memory["name"] and not b["pinned"]]
    return (None, "gap") if unpinned and address >= min(unpinned) else ("kernel", "kernel")


def _part(block: Entry, address: int) -> dict[str, Any] | None:
    for part in block["parts"]:
        if part["base"] <= address < part["base"] + part["size"]:
            return {**part, "offset": address - part["base"]}
    return None


def _access(document: Document, address: int) -> Iterator[dict[str, Any]]:
    """By partition the slot that decides, and what it allows; ``slot`` is ``None`` where none matches."""
    matching: dict[str, list[Entry]] = {}
    for register in document["registers"]:
        here = matching.setdefault(register["partition"], [])
        if any(piece["base"] <= address < piece["end"] for piece in register["matches"]):
            here.append(register)
    highest = UnitName(document["unit"]) in HIGHEST_SLOT_WINS
    for partition, registers in matching.items():
        deciding = registers[-1 if highest else 0] if registers else None
        yield {
            "partition": partition,
            "access": deciding["access"] if deciding else "",
            "slot": deciding["slot"] if deciding else None,
        }


STATES = {
    "used": "bytes in use",
    "padding": "padding: granted with the block, asked for by nobody",
    "peripheral": "device registers",
    "reserved": "reserved in the manifest",
    "gap": "gap between blocks, owned by nobody",
    "kernel": "the kernel's: it takes what the partitions leave",
    "outside": "in no memory and no granted peripheral",
}


def write_explanation(found: Document, terminal: Terminal) -> str:
    """The explanation as text."""
    head = [f"{hexadecimal(found['address'])}: {STATES[found['state']]}"]
    if found["memory"]:
        head.append(f"memory  {found['memory']}")
    if found["owner"]:
        head.append(f"owner   {found['owner']}")
    if found["block"]:
        head.append(f"block   {found['block']} + {found['offset']:#x}")
    part = found["part"]
    if part:
        component = f", {part['role']} of {part['component']}" if part["component"] else ""
        head.append(f"part    {part['name']} + {part['offset']:#x}{component}")
    elif found["state"] == "used":
        head.append("part    none: filler, for the alignment of the part above")
    if found["unrestricted"]:
        head.append("access  every partition: no protection unit is in use")
    rows = tuple(
        (entry["partition"], entry["access"] or "none", "-" if entry["slot"] is None else str(entry["slot"]))
        for entry in found["access"]
    )
    columns = (Column("partition"), Column("access"), Column("slot", number=True))
    tables = [Table(name="access", title="Unprivileged access", columns=columns, rows=rows)] if rows else []
    return write_tables(head, tables, (), terminal)
