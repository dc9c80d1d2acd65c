"""The tables and lists of the report, before any writer gives them a form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layoutplan.address import AddressRange, hexadecimal
from layoutplan.report.wording import (
    Document,
    cost_against_none,
    enabled_slots,
    percent,
    rights,
    size,
    slot_use,
    software_bounds,
    switch_cost,
    waste_bound,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and whether its cells are numbers (set to the right) or names and addresses (in a code face)."""

    heading: str
    number: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under columns; the last row is the sum of the others where ``total``; ``quiet`` rows say little."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool = False
    quiet: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A sentence, and where in the manifest it comes from."""

    text: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Sentences under a title."""

    name: str
    title: str
    items: tuple[Item, ...]


_PARTITION = Column("partition")
_BASE = Column("base", code=True)
_PERCENT = Column("%", number=True)
_SLOTS = Column("slots", number=True)


def plan_tables(document: Document) -> tuple[Table, ...]:
    """What a plan shows: blocks by memory, components, memories, stacks, peripherals; empty tables are left out."""
    tables = (
        *(_blocks(document, memory["name"]) for memory in document["memories"]),
        _components(document),
        _memories(document),
        _stacks(document),
        _peripherals(document),
    )
    return tuple(table for table in tables if table.rows)


def _blocks(document: Document, memory: str) -> Table:
    blocks = [block for block in document["blocks"] if block["memory"] == memory]
    rows = [
        (
            block["name"],
            hexadecimal(block["base"]),
            str(block["used"]),
            str(block["granted"]),
            str(block["padding"]),
            percent(block["padding"], block["granted"]),
            str(block["slots"]),
            block["access"],
        )
        for block in blocks
    ]
    if rows:
        used, granted, padding = (sum(block[key] for block in blocks) for key in ("used", "granted", "padding"))
        rows.append(("total", "", str(used), str(granted), str(padding), percent(padding, granted), "", ""))
    numbers = (Column(heading, number=True) for heading in ("used", "granted", "padding"))
    return Table(
        name=f"blocks-{memory}",
        title=f"Blocks in {memory}",
        columns=(Column("block", code=True), _BASE, *numbers, _PERCENT, _SLOTS, Column("access")),
        rows=tuple(rows),
        total=True,
    )


def _components(document: Document) -> Table:
    rows = (
        (
            entry["name"],
            entry["partition"],
            entry["memory"],
            str(entry["used"]),
            str(entry["padding"]),
            percent(entry["padding"], entry["used"] + entry["padding"]),
        )
        for entry in document["components"]
    )
    numbers = (Column("used", number=True), Column("padding", number=True), _PERCENT)
    return Table(
        name="components",
        title="Padding by component: its blocks', shared by use",
        columns=(Column("component", code=True), _PARTITION, Column("memory"), *numbers),
        rows=tuple(rows),
    )


def _memories(document: Document) -> Table:
    keys = ("used", "padding", "gap", "kernel", "reserved", "free")
    rows = (
        (
            entry["name"],
            size(entry["length"]),
            *(str(entry[key]) for key in keys),
            percent(entry["span"] - entry["used"], entry["span"]),
        )
        for entry in document["memories"]
    )
    numbers = tuple(Column(key, number=True) for key in ("length", *keys, "waste"))
    return Table(name="memories", title="Memories", columns=(Column("memory", code=True), *numbers), rows=tuple(rows))


def _stacks(document: Document) -> Table:
    rows = (
        (
            task["name"],
            task["partition"],
            hexadecimal(task["base"]),
            str(task["stack"]),
            "faults" if task["overflow_faults"] else "not caught",
        )
        for task in document["tasks"]
    )
    columns = (Column("task", code=True), _PARTITION, _BASE, Column("bytes", number=True), Column("overflow"))
    return Table(name="stacks", title="Stacks", columns=columns, rows=tuple(rows))


def _peripherals(document: Document) -> Table:
    rows = (
        (
            entry["name"],
            entry["partition"],
            hexadecimal(entry["base"]),
            str(entry["size"]),
            str(entry["excess"]),
            str(entry["slots"]),
        )
        for entry in document["peripherals"]
    )
    numbers = (Column("bytes", number=True), Column("excess", number=True), _SLOTS)
    columns = (Column("peripheral", code=True), _PARTITION, _BASE, *numbers)
    return Table(name="peripherals", title="Peripherals", columns=columns, rows=tuple(rows))


def register_tables(document: Document) -> Iterator[Table]:
    """For each partition the state of every hardware slot while it runs."""
    for partition in dict.fromkeys(register["partition"] for register in document["registers"]):
        registers = [register for register in document["registers"] if register["partition"] == partition]
        words = tuple(Column(name, number=True, code=True) for name in registers[0]["words"])
        rows = (
            (
                str(register["slot"]),
                "reserved" if register["reserved"] else "static" if register["static"] else "dynamic",
                register["owner"] or "-",
                *(hexadecimal(word) for word in register["words"].values()),
                register["access"] or "-",
                " ".join(str(AddressRange(r["base"], r["end"])) for r in register["matches"]) or "nothing",
            )
            for register in registers
        )
        head = (Column("slot", number=True), Column("written"), Column("for", code=True))
        columns = (*head, *words, Column("access"), Column("matches", code=True))
        title = f"Registers while {partition} runs"
        quiet = frozenset(i for i, register in enumerate(registers) if not register["matches"])
        yield Table(name=f"registers-{partition}", title=title, columns=columns, rows=tuple(rows), quiet=quiet)


def plan_listings(document: Document) -> tuple[Listing, ...]:
    """What a plan says in sentences: who shares what, how sure the waste is, what switching costs."""
    shared = [
        Item(text=f"`{block['name']}`: {rights(block)}")
        for block in document["blocks"]
        if block["granted_to"] != [block["partition"]]
    ]
    waste = [Item(text=f"{entry['name']}: {waste_bound(entry)}") for entry in document["memories"] if entry["span"]]
    switching = []
    if document["unit"] != "none":
        switching.append(Item(text=f"slots: {slot_use(document)}"))
        switching += [
            Item(text=f"{partition} enables {enabled} of {available}")
            for partition, (enabled, available) in enabled_slots(document).items()
        ]
        switching.append(Item(text=switch_cost(document)))
    bounds = [Item(text=f"{name}: {software_bounds(one)}") for name, one in document["software"].items()]
    cost = f"isolation costs {cost_against_none(document)}, against the same blocks packed without rounding"
    listings = (
        Listing(name="shared", title="Shared between partitions", items=tuple(shared)),
        Listing(name="software", title="Linear memories that compiled-in checks keep to", items=tuple(bounds)),
        Listing(name="waste", title="Waste", items=tuple(waste)),
        Listing(name="switching", title="Switching", items=(*switching, Item(text=cost))),
    )
    return tuple(listing for listing in listings if listing.items)


def reasons(document: Document) -> tuple[Listing, ...]:
    """Why the answer is not a yes, the ways out, and the notes; empty lists are left out."""
    proof = document["proof"]
    alone = " (leave any one out and there is a plan)" if document["core_minimal"] else ""
    listings = (
        Listing(
            name="undecided",
            title="Why there is no answer",
            items=(Item(text=document["undecided"]),) if document["undecided"] else (),
        ),
        Listing(
            name="core",
            title=f"These cannot hold together{alone}",
            items=tuple(Item(text=c["text"], where=c["where"]) for c in document["core"]),
        ),
        Listing(
            name="remedies",
            title="Ways out, each solved again before it is offered, the cheapest first",
            items=tuple(Item(text=remedy["text"]) for remedy in document["remedies"]),
        ),
        Listing(
            name="findings",
            title="What the checker found",
            items=tuple(Item(text=_finding(f)) for f in proof["findings"]),
        ),
        Listing(
            name="unknown",
            title="Neither proved nor refuted",
            items=tuple(Item(text=name) for name in proof["unknown"]),
        ),
        Listing(
            name="advice",
            title="Advice, each piece solved again before it is given",
            items=tuple(Item(text=advice["text"]) for advice in document["advice"] or ()),
        ),
        Listing(name="notes", title="Notes", items=tuple(Item(text=note["text"]) for note in document["notes"])),
    )
    return tuple(listing for listing in listings if listing.items)


def _finding(finding: Document) -> str:
    place = finding["range"]
    where = (finding["partition"], str(AddressRange(place["base"], place["end"])) if place else "")
    subject = " ".join(part for part in where if part)
    return f"{finding['rule']}{': ' + subject if subject else ''}: {finding['message']}"
