"""What differs between two reports: what moved, what grew, what got padded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layoutplan.address import hexadecimal
from layoutplan.errors import plural
from layoutplan.report.tables import Column, Item, Listing, Table
from layoutplan.report.terminal import Terminal, write_tables
from layoutplan.report.wording import Document, answer

Change = dict[str, Any]
"""``{"old": …, "new": …}``; ``None`` on the side that lacks the thing."""

BLOCK_KEYS = ("memory", "base", "used", "granted", "padding", "slots", "rights")
COMPONENT_KEYS = ("partition", "used", "padding")
MEMORY_KEYS = ("origin", "length", "used", "kernel", "padding", "gap", "reserved", "free")
WHOLE_KEYS = ("feasible", "isolation", "unit", "switch", "slots")


def difference(old: Document, new: Document) -> dict[str, Any]:
    """What changed from ``old`` to ``new``. Only what differs is listed; two equal reports give ``"same": true``."""
    changed: dict[str, Any] = {
        "answer": {"old": answer(old), "new": answer(new)},
        "whole": {key: _change(old, new, key) for key in WHOLE_KEYS if old[key] != new[key]},
        "blocks": [
            {**entry, "what": _what(entry)} for entry in _entries(old["blocks"], new["blocks"], ("name",), BLOCK_KEYS)
        ],
        "components": list(_entries(old["components"], new["components"], ("name", "memory"), COMPONENT_KEYS)),
        "memories": list(_entries(old["memories"], new["memories"], ("name",), MEMORY_KEYS)),
        "registers": list(_entries(old["registers"], new["registers"], ("partition", "slot"), ("words",))),
    }
    parts = ("whole", "blocks", "components", "memories", "registers")
    return {"version": 1, "same": not any(changed[part] for part in parts), **changed}


def _change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, key: str) -> Change:
    return {"old": old[key] if old else None, "new": new[key] if new else None}


def _entries(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], names: Sequence[str], keys: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """One entry for each thing (known by ``names``) that is on one side only or differs in one of ``keys``."""
    before = {tuple(entry[name] for name in names): entry for entry in old}
    after = {tuple(entry[name] for name in names): entry for entry in new}
    for key in sorted(before.keys() | after.keys()):
        changes = {k: _change(before.get(key), after.get(key), k) for k in keys}
        differing = {k: change for k, change in changes.items() if change["old"] != change["new"]}
        if differing:
            yield {**dict(zip(names, key, strict=True)), **differing}


def _what(entry: Mapping[str, Any]) -> list[str]:
    """The words for what happened to a block."""
    base = entry.get("base")
    if base and base["old"] is None:
        return ["added"]
    if base and base["new"] is None:
        return ["removed"]
    words = ["moved"] if base or "memory" in entry else []
    for key, more, less in (("used", "grew", "shrank"), ("padding", "more padding", "less padding")):
        if key in entry:
            words.append(more if entry[key]["new"] > entry[key]["old"] else less)
    for key, word in (("slots", "slots"), ("rights", "rights")):
        if key in entry:
            words.append(word)
    return words or ["granted"]


def write_difference(changes: Document, terminal: Terminal) -> str:
    """The difference as text: new values, each with its change; only the two answers where one side has no plan."""
    if changes["same"]:
        return "the plans are the same\n"
    if "feasible" in changes["whole"]:
        return write_tables(_head(changes), (), (), terminal)
    tables = [table for table in (_blocks(changes), _components(changes), _memories(changes)) if table.rows]
    items = [
        Item(text=f"{key}: {_text(change['old'])} -> {_text(change['new'])}")
        for key, change in changes["whole"].items()
    ]
    if changes["registers"]:
        partitions = ", ".join(dict.fromkeys(entry["partition"] for entry in changes["registers"]))
        items.append(Item(text=f"register words of {plural(len(changes['registers']), 'slot')} differ: {partitions}"))
    listings = [Listing(name="whole", title="Also", items=tuple(items))] if items else []
    return write_tables(_head(changes), tables, listings, terminal)


def _head(changes: Document) -> tuple[str, ...]:
    sides = changes["answer"]
    answers = () if sides["old"] == sides["new"] else (f"was: {sides['old']}", f"now: {sides['new']}")
    if "feasible" in changes["whole"]:
        return answers
    counts: dict[str, int] = {}
    for block in changes["blocks"]:
        for word in block["what"]:
            counts[word] = counts.get(word, 0) + 1
    told = {
        "added": "added",
        "removed": "removed",
        "moved": "moved",
        "grew": "grew",
        "shrank": "shrank",
        "more padding": "got more padding",
        "less padding": "got less padding",
    }
    summary = [f"{counts[word]} {text}" for word, text in told.items() if word in counts]
    head = f"blocks: {', '.join(summary)}" if summary else "no block moved, grew or got padded"
    return head, *answers


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return ", ".join(f"{inner} {key.replace('_', ' ')}" for key, inner in value.items())
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)


def _blocks(changes: Document) -> Table:
    rows = tuple(
        (
            block["name"],
            ", ".join(block["what"]),
            _address(block.get("base")),
            *(_amount(block.get(key)) for key in ("used", "padding", "slots")),
        )
        for block in changes["blocks"]
    )
    names = (Column("block", code=True), Column("what"), Column("base", code=True))
    columns = (*names, *_numbers("used", "padding", "slots"))
    return Table(name="blocks", title="Blocks", columns=columns, rows=rows)


def _components(changes: Document) -> Table:
    rows = tuple(
        (entry["name"], entry["memory"], _amount(entry.get("used")), _amount(entry.get("padding")))
        for entry in changes["components"]
    )
    columns = (Column("component", code=True), Column("memory"), *_numbers("used", "padding"))
    return Table(name="components", title="Components", columns=columns, rows=rows)


def _memories(changes: Document) -> Table:
    keys = ("length", "used", "padding", "gap", "kernel", "free")
    rows = tuple((entry["name"], *(_amount(entry.get(key)) for key in keys)) for entry in changes["memories"])
    return Table(name="memories", title="Memories", columns=(Column("memory", code=True), *_numbers(*keys)), rows=rows)


def _numbers(*keys: str) -> tuple[Column, ...]:
    return tuple(Column(key, number=True) for key in keys)


def _address(change: Change | None) -> str:
    if change is None:
        return ""
    old, new = change["old"], change["new"]
    if old is None or new is None:
        return hexadecimal(old if new is None else new)
    return f"{hexadecimal(new)} {'+' if new > old else '-'}{abs(new - old):#x}"


def _amount(change: Change | None) -> str:
    """``1152 +64``: the new value and the change; one side only: what came or went."""
    if change is None:
        return ""
    old, new = change["old"], change["new"]
    if old is None or new is None:
        return f"{(new or 0) - (old or 0):+d}"
    return f"{new} {new - old:+d}"
