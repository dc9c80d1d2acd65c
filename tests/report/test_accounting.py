"""The laws of the account, for any placement that a planner could make."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan import report
from layoutplan.address import AddressRange, align_up
from layoutplan.model.access import Access, Kind
from layoutplan.model.component import Role
from layoutplan.model.memory import Reserve
from layoutplan.model.plan import Part, Placement, Plan, Solved
from layoutplan.report import document
from layoutplan.report.accounting import block_shares, proportional
from layoutplan.report.memory_map import TOP, memory_maps
from tests.report.build import FLASH, PROVED, RAM, part, placement, small_plan, small_system

LAW = settings(deadline=None, derandomize=True, max_examples=150)


@st.composite
def parts(draw: st.DrawFn, role: Role) -> tuple[Part, ...]:
    """One to four parts of `gps`, `uart` or `mix`, with filler between some."""
    made: list[Part] = []
    position = 0
    for i in range(draw(st.integers(1, 4))):
        offset = position + (draw(st.integers(0, 7)) if i else 0)
        size = draw(st.integers(1, 900))
        made.append(part(f"p{i}", role, draw(st.sampled_from(["gps", "uart", "mix"])), offset, size))
        position = offset + size
    return tuple(made)


@st.composite
def placed(draw: st.DrawFn) -> tuple[tuple[Placement, ...], tuple[Reserve, ...]]:
    """Disjoint blocks and reserves in both memories, from the top down with gaps; some blocks pinned."""
    placements: list[Placement] = []
    reserves: list[Reserve] = []
    for memory, kind, access in ((FLASH, Kind.CODE, Access.RX), (RAM, Kind.DATA, Access.RW)):
        top = memory.range.end
        for i in range(draw(st.integers(0, 5))):
            top -= draw(st.integers(0, 200)) * 8
            if draw(st.booleans()) and draw(st.booleans()):
                size = draw(st.integers(1, 1000))
                top -= align_up(size, 8)
                reserves.append(Reserve(memory=memory.name, range=AddressRange.of(top, size)))
                continue
            role = Role.TEXT if memory is FLASH else draw(st.sampled_from([Role.DATA, Role.BSS]))
            inside = draw(parts(role))
            granted = align_up(max(p.offset + p.size for p in inside) + draw(st.integers(0, 300)), 8)
            top -= granted
            pin = top if draw(st.integers(0, 3)) == 0 else None
            name = f"{memory.name}{i}"
            place = (top, top + granted)
            placements.append(placement(name, "io", kind, memory, place, inside, {"io": access}, pin=pin))
    return tuple(placements), tuple(reserves)


Placed = tuple[tuple[Placement, ...], tuple[Reserve, ...]]


def with_placements(placements: tuple[Placement, ...]) -> Plan:
    return dataclasses.replace(small_plan(), placements=placements, peripherals=())


@given(placed())
@LAW
def test_every_byte_of_a_memory_is_counted_once(made: Placed) -> None:
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    for memory in document(system, Solved(plan=with_placements(placements)), PROVED)["memories"]:
        counted = ("used", "kernel", "padding", "gap", "reserved", "free")
        assert sum(memory[key] for key in counted) == memory["length"]
        assert memory["span"] == memory["used"] + memory["padding"] + memory["gap"]
        assert memory["gap"] >= 0


@given(placed())
@LAW
def test_the_gap_counted_byte_by_byte_is_the_same(made: Placed) -> None:
    """An independent count, over a bytearray of the memory."""
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    memories = document(system, Solved(plan=with_placements(placements)), PROVED)["memories"]
    for memory, entry in zip((FLASH, RAM), memories, strict=True):
        here = [p for p in placements if p.memory == memory.name]
        image = bytearray(memory.range.size)
        for piece in [p.granted for p in here] + [r.range for r in reserves if r.memory == memory.name]:
            image[piece.base - memory.range.base : piece.end - memory.range.base] = b"x" * piece.size
        lowest = min((p.granted.base for p in here if p.block.pin is None), default=memory.range.end)
        assert entry["gap"] == image[lowest - memory.range.base :].count(0)


@given(placed())
@LAW
def test_isolation_never_costs_less_than_nothing_nor_more_than_the_waste(made: Placed) -> None:
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    report = document(system, Solved(plan=with_placements(placements)), PROVED)
    for memory in report["memories"]:
        assert 0 <= report["cost_vs_none"]["bytes"][memory["name"]] <= memory["padding"] + memory["gap"]


@given(placed())
@LAW
def test_what_the_components_have_is_what_the_blocks_have(made: Placed) -> None:
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    report = document(system, Solved(plan=with_placements(placements)), PROVED)
    for block in report["blocks"]:
        shares = [s for c in report["components"] for s in c["blocks"] if s["block"] == block["name"]]
        for key in ("used", "padding"):
            assert sum(share[key] for share in shares) == block[key]
    for component in report["components"]:
        for key in ("used", "padding"):
            assert sum(share[key] for share in component["blocks"]) == component[key]


@given(parts(Role.BSS), st.integers(0, 300))
@LAW
def test_shares_sum_to_the_block_and_are_within_one_byte_of_fair(inside: tuple[Part, ...], padding: int) -> None:
    size = max(p.offset + p.size for p in inside)
    place = placement("b", "io", Kind.DATA, RAM, (RAM.range.base, RAM.range.base + size + padding), inside, {})
    shares = block_shares(place)
    assert sum(share.used for share in shares) == size
    assert sum(share.padding for share in shares) == padding
    for share in shares:
        assert abs(share.padding - padding * share.used / size) < 1


@given(st.integers(0, 10_000), st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 999), min_size=1))
@LAW
def test_a_division_does_not_depend_on_the_order_of_the_names(total: int, weights: dict[str, int]) -> None:
    backwards = dict(reversed(weights.items()))
    assert proportional(total, weights) == proportional(total, backwards)
    assert sum(proportional(total, weights).values()) == total


@given(placed())
@settings(LAW, max_examples=40)
def test_every_writer_takes_any_plan(made: Placed) -> None:
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    found = document(system, Solved(plan=with_placements(placements)), PROVED)
    for write in (report.text, report.json, report.markdown, report.csv, report.html, report.memory_map_svg):
        assert write(found).endswith("\n")


@given(placed())
@LAW
def test_a_bar_of_the_map_shows_every_byte_once_to_scale(made: Placed) -> None:
    placements, reserves = made
    system = dataclasses.replace(small_system(reserves=reserves), tasks=(), shares=())
    found = document(system, Solved(plan=with_placements(placements)), PROVED)
    for drawn in memory_maps(found):
        for x in {box.x for box in drawn.boxes}:
            bar = sorted((box for box in drawn.boxes if box.x == x), key=lambda box: box.y)
            assert bar[0].y == pytest.approx(TOP)
            assert bar[-1].y + bar[-1].height == pytest.approx(drawn.bottom)
            for above, below in itertools.pairwise(bar):
                assert above.y + above.height == pytest.approx(below.y)
        assert all(TOP <= label.y <= drawn.bottom for label in drawn.labels)
        assert all(b.y - a.y > 25 for a, b in itertools.pairwise(drawn.labels))
