"""``diff``: what moved, grew, got padded, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from layoutplan import report
from layoutplan.address import AddressRange
from layoutplan.model.plan import Placement, Solved
from tests.conftest import Golden
from tests.report.build import PROVED, infeasible, small_outcome, small_plan, small_system


def planned() -> dict[str, Any]:
    return report.document(small_system(), small_outcome(), PROVED)


def moved_document() -> dict[str, Any]:
    """`mix.data` grew by 100 bytes into 0x480 more granted and moved down; the ring is as it was."""
    plan = small_plan()
    placements = tuple(_grown(p) if p.block.name == "mix.data" else p for p in plan.placements)
    return report.document(small_system(), Solved(plan=dataclasses.replace(plan, placements=placements)), PROVED)


def _grown(placement: Placement) -> Placement:
    *parts, bss = placement.block.parts
    block = dataclasses.replace(
        placement.block,
        size=placement.block.size + 100,
        parts=(*parts, dataclasses.replace(bss, size=bss.size + 100)),
    )
    granted = AddressRange(0x2000_7000, 0x2000_7680)
    return dataclasses.replace(placement, block=block, granted=granted, cover=(granted,))


def test_equal_reports_are_the_same() -> None:
    changes = report.difference(planned(), planned())
    assert changes["same"]
    assert changes["blocks"] == changes["components"] == changes["memories"] == changes["registers"] == []
    assert report.difference_text(changes) == "the plans are the same\n"


def test_only_what_differs_is_listed() -> None:
    changes = report.difference(planned(), moved_document())
    assert changes["blocks"] == [
        {
            "name": "mix.data",
            "base": {"old": 0x2000_7200, "new": 0x2000_7000},
            "used": {"old": 1100, "new": 1200},
            "granted": {"old": 1152, "new": 1664},
            "padding": {"old": 52, "new": 464},
            "what": ["moved", "grew", "more padding"],
        }
    ]
    assert [(entry["name"], entry["memory"]) for entry in changes["components"]] == [("mix", "ram")]
    assert [entry["name"] for entry in changes["memories"]] == ["ram"]
    assert changes["whole"] == {}


def test_a_difference_read_backwards_is_its_mirror() -> None:
    forward = report.difference(planned(), moved_document())
    backward = report.difference(moved_document(), planned())
    assert backward["blocks"][0]["what"] == ["moved", "shrank", "less padding"]
    for key, change in forward["memories"][0].items():
        if key != "name":
            assert backward["memories"][0][key] == {"old": change["new"], "new": change["old"]}


def test_blocks_come_and_go() -> None:
    fewer = copy.deepcopy(planned())
    fewer["blocks"] = [block for block in fewer["blocks"] if block["name"] != "shared:ring"]
    assert report.difference(planned(), fewer)["blocks"][0]["what"] == ["removed"]
    assert report.difference(fewer, planned())["blocks"][0]["what"] == ["added"]


def test_words_and_rights_are_seen() -> None:
    other = copy.deepcopy(planned())
    other["registers"][3]["words"]["rasr"] ^= 1
    other["blocks"][0]["rights"] = {"mix": "r"}
    changes = report.difference(planned(), other)
    assert [(entry["partition"], entry["slot"]) for entry in changes["registers"]] == [("io", 3)]
    assert changes["blocks"][0]["what"] == ["rights"]


@pytest.mark.parametrize("name", ["moved", "infeasible"])
def test_golden_text(golden: Golden, name: str) -> None:
    new = moved_document() if name == "moved" else report.document(small_system(), infeasible(), None)
    written = report.difference_text(report.difference(planned(), new))
    assert written.isascii()
    assert max(map(len, written.splitlines())) <= 80
    golden(f"difference-{name}.txt", written)
