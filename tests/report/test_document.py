"""The document: its sums, its schema, and what it says of each outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Component, Role
from layoutplan.model.evidence import Finding, Verdict
from layoutplan.model.memory import Reserve
from layoutplan.model.plan import Objective, Outcome, Plan, SlotMap, Solved
from layoutplan.report import document, report_schema
from tests.report.build import (
    FLASH,
    PROVED,
    infeasible,
    part,
    placement,
    small_outcome,
    small_plan,
    small_system,
    undecided,
)


@pytest.fixture
def solved() -> dict[str, Any]:
    return document(small_system(), small_outcome(), PROVED)


def entry(entries: list[dict[str, Any]], name: str, **more: str) -> dict[str, Any]:
    [found] = [e for e in entries if e["name"] == name and all(e[key] == value for key, value in more.items())]
    return found


def strict(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The schema with no room for additions, so that a key that it does not name is seen."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    return {"additionalProperties": False, **closed} if "properties" in schema else closed


@pytest.mark.parametrize("outcome", [small_outcome(), infeasible(), undecided()], ids=lambda o: type(o).__name__)
def test_every_document_validates_and_the_schema_names_every_key(outcome: Outcome) -> None:
    verdict = PROVED if isinstance(outcome, Solved) else None
    jsonschema_rs.validator_for(report_schema()).validate(document(small_system(), outcome, verdict))
    jsonschema_rs.validator_for(strict(report_schema())).validate(document(small_system(), outcome, verdict))


def test_a_document_that_lacks_a_promised_key_does_not_validate(solved: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(report_schema())
    for key in solved:
        assert not validator.is_valid({k: v for k, v in solved.items() if k != key}), key


def test_a_block_says_what_was_asked_and_what_is_exposed(solved: dict[str, Any]) -> None:
    block = entry(solved["blocks"], "mix.data")
    assert block["base"] == 0x2000_7200
    assert (block["used"], block["granted"], block["padding"]) == (1100, 1152, 52)
    assert (block["slots"], block["access"], block["granted_to"]) == (2, "rw", ["mix"])
    assert block["cover"] == [
        {"base": 0x2000_7200, "end": 0x2000_7600},
        {"base": 0x2000_7600, "end": 0x2000_7680},
    ]


def test_a_share_has_the_rights_of_each_partition(solved: dict[str, Any]) -> None:
    block = entry(solved["blocks"], "shared:ring")
    assert (block["partition"], block["kind"]) == ("shared:ring", "shared")
    assert (block["access"], block["rights"]) == ("rw", {"io": "rw", "mix": "r"})
    assert solved["shares"] == [
        {
            "name": "ring",
            "memory": "ram",
            "base": 0x2000_7700,
            "used": 250,
            "padding": 6,
            "rights": {"io": "rw", "mix": "r"},
        }
    ]


def test_a_components_padding_is_its_blocks_shared_by_use(solved: dict[str, Any]) -> None:
    """io.data is 1792 bytes in 2048: gps has 552 + 36 + 4 of filler + 900, uart 168 + 4 of filler + 128."""
    assert entry(solved["components"], "gps", memory="ram")["used"] == 552 + 36 + 4 + 900
    assert entry(solved["components"], "uart", memory="ram")["used"] == 168 + 4 + 128
    assert entry(solved["components"], "gps", memory="ram")["padding"] == 213  # 256 × 1492 / 1792 = 213.14
    assert entry(solved["components"], "uart", memory="ram")["padding"] == 43  # 42.86: the larger remainder


def test_the_kernels_load_images_are_in_its_code_memory(solved: dict[str, Any]) -> None:
    assert entry(solved["memories"], "flash")["kernel"] == 0x1000 + 40 + 16  # 36 and 12 bytes, in double words
    assert entry(solved["memories"], "ram")["kernel"] == 64 + 448 + 512


def test_a_memorys_gap_is_above_its_lowest_block_and_free_below(solved: dict[str, Any]) -> None:
    ram = entry(solved["memories"], "ram")
    assert ram["gap"] == 0x80
    assert ram["span"] == 0x8000 - 0x7200
    assert ram["free"] == 0x7200 - ram["kernel"]
    assert ram["waste"] == pytest.approx((ram["span"] - ram["used"]) / ram["span"], abs=1e-6)


def test_a_pinned_block_does_not_stretch_the_span() -> None:
    plan = small_plan()
    pinned = tuple(
        dataclasses.replace(p, block=dataclasses.replace(p.block, pin=p.granted.base))
        if p.block.name == "mix.data"
        else p
        for p in plan.placements
    )
    ram = entry(_memories(dataclasses.replace(plan, placements=pinned)), "ram")
    assert ram["gap"] == 0
    assert ram["free"] == 0x7200 - ram["kernel"] + 0x80


def _memories(plan: Plan) -> list[dict[str, Any]]:
    memories: list[dict[str, Any]] = document(small_system(), Solved(plan=plan), PROVED)["memories"]
    return memories


def test_a_reserve_is_neither_gap_nor_free() -> None:
    reserves = (Reserve(memory="flash", range=AddressRange.of(FLASH.range.base, 0x2000)),)
    flash = entry(document(small_system(reserves=reserves), small_outcome(), PROVED)["memories"], "flash")
    assert flash["reserved"] == 0x2000
    assert flash["free"] == 0x1_0000 - flash["reserved"] - flash["kernel"] - flash["span"]


def test_the_proved_gap_is_what_the_joint_bound_leaves_open_in_one_memory(solved: dict[str, Any]) -> None:
    """The bound leaves 200 weighted bytes open: 200 of flash at weight 1, 50 of RAM at weight 4."""
    flash, ram = entry(solved["memories"], "flash"), entry(solved["memories"], "ram")
    assert flash["bound"] == {"waste": flash["padding"] + flash["gap"] - 200, "proved_gap": 200}
    assert ram["bound"] == {"waste": ram["padding"] + ram["gap"] - 50, "proved_gap": 50}


def test_an_optimal_plan_leaves_nothing_open() -> None:
    objective = Objective(weights={"flash": 1.0, "ram": 4.0}, value=1500.0, bound=1500.0, optimal=True)
    for memory in _memories(dataclasses.replace(small_plan(), objective=objective)):
        assert memory["bound"] == {"waste": memory["padding"] + memory["gap"], "proved_gap": 0}


def test_registers_are_every_slot_of_every_partition(solved: dict[str, Any]) -> None:
    assert [(r["partition"], r["slot"]) for r in solved["registers"]] == [
        (p, s) for p in ("io", "mix") for s in range(8)
    ]
    reserved = [r for r in solved["registers"] if r["reserved"]]
    assert {r["slot"] for r in reserved} == {7}
    assert all(set(r["words"].values()) == {0} for r in reserved)


def test_a_slot_says_what_its_words_match(solved: dict[str, Any]) -> None:
    [split] = [r for r in solved["registers"] if r["partition"] == "mix" and r["slot"] == 4]
    assert split["words"] == {"rbar": 0x2000_7000, "rasr": 0x1300_C315}
    assert split["matches"] == [{"base": 0x2000_7200, "end": 0x2000_7600}]
    assert split["access"] == "rw"


def test_a_switch_costs_two_stores_a_slot_and_two(solved: dict[str, Any]) -> None:
    assert solved["switch"] == {"stores": 10, "dynamic_slots": 4}
    assert solved["cost_vs_none"]["stores"] == 10


def test_cost_is_against_the_same_blocks_packed_tightly(solved: dict[str, Any]) -> None:
    """Tight, in the same order: io.data 1792, ring 250 and mix.data 1100 aligned to 8 leave 6 + 4 bytes of gap."""
    ram = entry(solved["memories"], "ram")
    assert solved["cost_vs_none"]["bytes"]["ram"] == ram["padding"] + ram["gap"] - 10


def test_isolation_off_costs_nothing() -> None:
    plan = dataclasses.replace(
        small_plan(),
        unit=UnitName.NONE,
        registers={},
        peripherals=(),
        slots=SlotMap(first_static=0, static=0, first_dynamic=0, dynamic=0, first_reserved=0, reserved=0),
    )
    report = document(small_system(isolated=False), Solved(plan=plan), PROVED)
    assert (report["isolation"], report["unit"]) == (["none"], "none")
    assert report["cost_vs_none"] == {"bytes": {"flash": 0, "ram": 0}, "stores": 0, "instructions": 0}
    assert report["registers"] == []
    assert "no-isolation" in {note["code"] for note in report["notes"]}


def test_only_the_lowest_stack_is_guarded(solved: dict[str, Any]) -> None:
    """`gps` lies just above the ring, which `io` may write: even the lowest stack has no guard there."""
    guarded = {task["name"]: task["overflow_faults"] for task in solved["tasks"]}
    assert guarded == {"gps": False, "mix": True, "uart": False}
    [note] = [note for note in solved["notes"] if note["code"] == "stack-guard"]
    assert note["text"] == ("only the lowest stack's overflow faults without PSPLIM; not caught here: gps, uart")


def test_a_stack_above_memory_out_of_reach_is_guarded() -> None:
    plan = small_plan()
    unreachable = tuple(
        dataclasses.replace(p, block=dataclasses.replace(p.block, granted_to={"mix": Access.R}))
        if p.block.name == "shared:ring"
        else p
        for p in plan.placements
    )
    tasks = document(small_system(), Solved(plan=dataclasses.replace(plan, placements=unreachable)), PROVED)["tasks"]
    assert {task["name"]: task["overflow_faults"] for task in tasks} == {"gps": True, "mix": True, "uart": False}


def test_an_unverified_chip_is_told(solved: dict[str, Any]) -> None:
    [note] = [note for note in solved["notes"] if note["code"] == "chip-unverified"]
    assert "mps2-an385" in note["text"]
    assert solved["target"] == {"chip": "mps2-an385", "unit": "armv7m", "slots": 8, "verified": False}


def test_infeasible_gives_the_core_and_the_cheapest_way_out_first() -> None:
    report = document(small_system(), infeasible(), None)
    assert report["feasible"] is False
    assert [constraint["name"] for constraint in report["core"]] == ["capacity-ram", "heap"]
    assert [remedy["cost"] for remedy in report["remedies"]] == [1536.0, 2048.0]
    assert report["core_minimal"] is True
    assert report["memories"] == []


def test_undecided_is_neither_yes_nor_no() -> None:
    report = document(small_system(), undecided(), None)
    assert report["feasible"] is None
    assert report["undecided"] == undecided().reason
    assert report["core"] == []


def test_findings_and_unknowns_of_the_checker_are_carried_over() -> None:
    finding = Finding(rule="isolation", partition="io", range=AddressRange(16, 32), message="`io` may write `mix`")
    verdict = Verdict(obligations=12, proved=10, findings=(finding,), unknown=("transition io to mix",))
    proof = document(small_system(), small_outcome(), verdict)["proof"]
    assert (proof["obligations"], proof["proved"], proof["unknown"]) == (12, 10, ["transition io to mix"])
    assert proof["findings"][0]["range"] == {"base": 16, "end": 32}


def _values(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def test_a_document_holds_plain_json_values_only(solved: dict[str, Any]) -> None:
    assert {type(value) for value in _values(solved)} <= {str, int, float, bool, type(None)}


def test_the_runtime_is_a_component_of_its_own() -> None:
    plan = small_plan()
    text = part("runtime.text", Role.TEXT, "runtime", 0, 400)
    rights = {"io": Access.RX, "mix": Access.RX}
    block = placement("runtime", "runtime", Kind.CODE, FLASH, (0x0800_EA00, 0x0800_EC00), (text,), rights)
    system = dataclasses.replace(small_system(), runtime=Component(name="runtime", partition="runtime"))
    outcome = Solved(plan=dataclasses.replace(plan, placements=(*plan.placements, block)))
    report = document(system, outcome, PROVED)
    runtime = entry(report["components"], "runtime")
    assert (runtime["partition"], runtime["used"], runtime["padding"]) == ("runtime", 400, 112)
    assert entry(report["blocks"], "runtime")["granted_to"] == ["io", "mix"]
