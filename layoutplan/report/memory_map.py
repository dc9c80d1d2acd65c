"""Where the rectangles and labels of a drawn memory map go. Everything is to scale; labels give way, bytes do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from layoutplan.address import AddressRange, hexadecimal, subtract
from layoutplan.report.wording import Document, size

WIDTH = 380
"""Units of the drawing; at about one pixel a unit its text is readable, on a phone too."""
WHOLE_X, WHOLE_WIDTH = 0, 44
ZOOM_X, ZOOM_WIDTH = 104, 64
LABEL_X = 186
TOP, BOTTOM = 18, 22
LABEL_STEP = 31
LEAST_HEIGHT = 260
COLOURS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle. ``style`` names what it is (``p0`` … by owner, ``padding``, ``gap``, ``kernel``, ``free``)."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Two lines beside a block: ``y`` is where they stand, ``at`` the middle of the block that they name."""

    y: float
    at: float
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMap:
    """One memory: at the left the whole of it, beside it the part with blocks, enlarged, high addresses on top."""

    name: str
    title: str
    height: float
    boxes: tuple[Box, ...]
    labels: tuple[Label, ...]
    funnel: str
    end: str
    origin: str
    lowest: str

    @property
    def bottom(self) -> float:
        """The y of the bars' lower ends."""
        return self.height - BOTTOM


def owner_styles(document: Document) -> dict[str, str]:
    """A colour class for each owner of blocks, in order of name; the ninth takes the first again."""
    owners = sorted({block["partition"] for block in document["blocks"]})
    return {owner: f"p{i % COLOURS}" for i, owner in enumerate(owners)}


def memory_maps(document: Document) -> tuple[MemoryMap, ...]:
    """A map of each memory that holds blocks."""
    styles = owner_styles(document)
    filled = {block["memory"] for block in document["blocks"]}
    return tuple(_memory_map(document, m, styles) for m in document["memories"] if m["name"] in filled)


def _memory_map(document: Document, memory: Mapping[str, Any], styles: Mapping[str, str]) -> MemoryMap:
    blocks = [block for block in document["blocks"] if block["memory"] == memory["name"]]
    whole = AddressRange.of(memory["origin"], memory["length"])
    zoomed = AddressRange(min(block["base"] for block in blocks), whole.end)
    height = max(LEAST_HEIGHT, LABEL_STEP * len(blocks))
    pieces = _pieces(document, memory, blocks, styles)
    boxes = [
        *_bar(
            [(piece, f"{style} whole", title) for piece, style, title in pieces], whole, WHOLE_X, WHOLE_WIDTH, height
        ),
        *_bar(pieces, zoomed, ZOOM_X, ZOOM_WIDTH, height),
    ]
    left, right = WHOLE_X + WHOLE_WIDTH, ZOOM_X
    lowest_y = _y(zoomed.base, whole, height)
    corners = ((left, TOP), (right, TOP), (right, TOP + height), (left, lowest_y))
    return MemoryMap(
        name=memory["name"],
        title=f"{memory['name']}, {size(memory['length'])}",
        height=TOP + height + BOTTOM,
        boxes=tuple(boxes),
        labels=_labels(blocks, zoomed, height),
        funnel=" ".join(f"{x:.2f},{y:.2f}" for x, y in corners),
        end=hexadecimal(whole.end),
        origin=hexadecimal(whole.base),
        lowest=hexadecimal(zoomed.base),
    )


_Piece = tuple[AddressRange, str, str]
"""Bytes, their style, and what to say of them."""


def _pieces(
    document: Document, memory: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]], styles: Mapping[str, str]
) -> list[_Piece]:
    """Every byte of the memory, once."""
    whole = AddressRange.of(memory["origin"], memory["length"])
    pieces: list[_Piece] = []
    for block in blocks:
        style = styles[block["partition"]]
        used = AddressRange.of(block["base"], block["used"])
        pieces.append((used, style, f"{block['name']} {used}, {used.size} B used"))
        if block["padding"]:
            padding = AddressRange.of(used.end, block["padding"])
            pieces.append((padding, f"padding {style}", f"padding of {block['name']} {padding}, {padding.size} B"))
    for reserve in document["reserves"]:
        inside = AddressRange(reserve["base"], reserve["end"]).intersection(whole)
        if reserve["memory"] == memory["name"] and inside:
            pieces.append((inside, "reserved", f"reserved {inside}, {inside.size} B"))
    return pieces + _unowned(memory, blocks, [piece for piece, _, _ in pieces])


def _unowned(
    memory: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]], owned: Sequence[AddressRange]
) -> list[_Piece]:
    """The kernel's minimum from the origin upward, free bytes above it, gaps from the lowest unpinned block upward."""
    whole = AddressRange.of(memory["origin"], memory["length"])
    lowest = min((block["base"] for block in blocks if not block["pinned"]), default=whole.end)
    kernel = memory["kernel"]
    pieces: list[_Piece] = []
    for hole in subtract(whole, owned):
        base = hole.base
        if kernel and base < lowest:
            taken = AddressRange.of(base, min(kernel, hole.size))
            pieces.append((taken, "kernel", f"kernel {taken}, at least {taken.size} B"))
            kernel -= taken.size
            base = taken.end
        if base < hole.end:
            rest = AddressRange(base, hole.end)
            style = "gap" if base >= lowest else "free"
            pieces.append((rest, style, f"{style} {rest}, {rest.size} B"))
    return pieces


def _bar(pieces: Sequence[_Piece], shown: AddressRange, x: float, width: float, height: float) -> list[Box]:
    boxes = []
    for piece, style, title in sorted(pieces, key=lambda piece: piece[0]):
        inside = piece.intersection(shown)
        if inside is not None:
            top, bottom = _y(inside.end, shown, height), _y(inside.base, shown, height)
            boxes.append(Box(x=x, y=top, width=width, height=bottom - top, style=style, title=title))
    return boxes


def _y(address: int, shown: AddressRange, height: float) -> float:
    return TOP + height * (shown.end - address) / shown.size


def _labels(blocks: Sequence[Mapping[str, Any]], shown: AddressRange, height: float) -> tuple[Label, ...]:
    """One label a block, from the top down, moved apart as little as keeps them readable."""
    ordered = sorted(blocks, key=lambda block: block["base"], reverse=True)
    wanted = [_y(block["base"] + block["granted"] // 2, shown, height) for block in ordered]
    places = _spread(wanted, TOP + LABEL_STEP / 2, TOP + height - LABEL_STEP / 2)
    return tuple(
        Label(
            y=place,
            at=at,
            name=block["name"],
            detail=f"{hexadecimal(block['base'])}  {block['used']} + {block['padding']} B",
        )
        for block, place, at in zip(ordered, places, wanted, strict=True)
    )


def _spread(wanted: Sequence[float], first: float, last: float) -> list[float]:
    """Ascending places at least ``LABEL_STEP`` apart between ``first`` and ``last``, near those wanted."""
    places = []
    lowest = first
    for place in wanted:
        places.append(max(place, lowest))
        lowest = places[-1] + LABEL_STEP
    highest = last
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], highest)
        highest = places[i] - LABEL_STEP
    return places
