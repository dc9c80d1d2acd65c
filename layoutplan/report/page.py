"""The report as one HTML page that needs nothing else, and its memory map as one SVG file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from layoutplan.address import AddressRange
from layoutplan.errors import plural
from layoutplan.report import memory_map
from layoutplan.report.tables import plan_listings, plan_tables, reasons, register_tables
from layoutplan.report.wording import (
    Document,
    answer,
    cost_in_bytes,
    is_proved,
    percent,
    question,
    rights,
    waste_bound,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

GEOMETRY = {
    "width": memory_map.WIDTH,
    "zoom_x": memory_map.ZOOM_X,
    "zoom_end": memory_map.ZOOM_X + memory_map.ZOOM_WIDTH,
    "label_x": memory_map.LABEL_X,
}
MARGIN = 24
SHEET_HEAD = 38
LEGEND = (
    ("padding p6", "padding"),
    ("gap", "gap"),
    ("kernel", "kernel, at least"),
    ("reserved", "reserved"),
    ("free", "free"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that a reader wants first, and a line about it."""

    heading: str
    value: str
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A block from end to end, to its own scale in thousandths."""

    name: str
    range: str
    rights: str
    boxes: tuple[memory_map.Box, ...]
    seams: tuple[float, ...]
    parts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A partition, a share or the runtime, with its blocks."""

    name: str
    blocks: tuple[Strip, ...]


CLOSING = frozenset({"advice", "notes"})
"""What a reader needs after the figures, not before them."""


def write_html(document: Document) -> str:
    """One self-contained page: no script, no external resource, light and dark."""
    explained = reasons(document)
    owners = memory_map.owner_styles(document)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            document=document,
            answer=answer(document),
            question=question(document),
            state={True: "yes", False: "no", None: "open"}[document["feasible"] and is_proved(document)],
            urgent=[listing for listing in explained if listing.name not in CLOSING],
            closing=[listing for listing in explained if listing.name in CLOSING],
            figures=list(_figures(document)) if document["feasible"] else [],
            maps=memory_map.memory_maps(document),
            owners=owners if len(owners) <= memory_map.COLOURS else {},
            legend=LEGEND,
            geometry=GEOMETRY,
            tables=plan_tables(document) if document["feasible"] else (),
            listings=plan_listings(document) if document["feasible"] else (),
            partitions=_owners(document),
            registers=list(register_tables(document)),
        )
    )


def write_map(document: Document) -> str:
    """The memory map alone, as an SVG file that follows the reader's light or dark scheme."""
    maps = memory_map.memory_maps(document)
    return (
        _environment()
        .get_template("memory_maps.svg.j2")
        .render(
            document=document,
            maps=maps,
            geometry=GEOMETRY,
            margin=MARGIN,
            sheet_width=MARGIN + len(maps) * (memory_map.WIDTH + MARGIN),
            sheet_height=SHEET_HEAD + max((drawn.height for drawn in maps), default=0) + MARGIN,
        )
        .lstrip()
    )


def compile_all() -> None:
    """Compile the page's templates now, so that writing does not have to."""
    environment = _environment()
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("layoutplan.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["spans"] = _spans
    return environment


def _spans(text: str) -> Markup:
    """The text, escaped, with what stands in back-ticks in a code face."""
    from markupsafe import Markup, escape

    pieces = re.split(r"`([^`]*)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )


def _figures(document: Document) -> Iterator[Figure]:
    proof, switch, cost = document["proof"], document["switch"], document["cost_vs_none"]
    proved = f"{proof['proved']} / {proof['obligations']}"
    yield Figure(heading="obligations proved", value=proved, more="from the register words")
    for memory in document["memories"]:
        if memory["span"]:
            wasted = memory["span"] - memory["used"]
            yield Figure(
                heading=f"waste in {memory['name']}",
                value=percent(wasted, memory["span"]),
                more=waste_bound(memory),
            )
    if document["unit"] != "none":
        more = f"to another partition, {plural(switch['dynamic_slots'], 'dynamic slot')}"
        yield Figure(heading="stores per switch", value=str(switch["stores"]), more=more)
    total = str(sum(cost["bytes"].values()))
    yield Figure(heading="bytes that isolation costs", value=total, more=cost_in_bytes(document))


def _owners(document: Document) -> list[Owner]:
    styles = memory_map.owner_styles(document)
    owners: dict[str, list[Strip]] = {}
    for block in document["blocks"]:
        owners.setdefault(block["partition"], []).append(_strip(block, styles[block["partition"]]))
    by_name = sorted(owners.items(), key=lambda item: (":" in item[0] or item[0] == "runtime", item[0]))
    return [Owner(name=name, blocks=tuple(blocks)) for name, blocks in by_name]


def _strip(block: Mapping[str, Any], style: str) -> Strip:
    base, granted = block["base"], block["granted"]
    whole = AddressRange.of(base, granted)
    parts = [
        {
            "name": part["name"],
            "size": part["size"],
            "style": f"role-{part['role']} {style}",
            "range": AddressRange.of(part["base"], part["size"]),
        }
        for part in block["parts"]
        if part["size"]
    ]
    if block["padding"]:
        padding = AddressRange.of(base + block["used"], block["padding"])
        parts.append({"name": "padding", "size": padding.size, "style": "free", "range": padding})
    boxes = tuple(
        memory_map.Box(
            x=1000 * (part["range"].base - base) / granted,
            y=0,
            width=1000 * part["size"] / granted,
            height=0,
            style=part["style"],
            title=f"{part['name']} {part['range']}, {part['size']} B",
        )
        for part in parts
    )
    seams = tuple(1000 * (piece["base"] - base) / granted for piece in block["cover"][1:])
    return Strip(
        name=block["name"], range=str(whole), rights=rights(block), boxes=boxes, seams=seams, parts=tuple(parts)
    )
