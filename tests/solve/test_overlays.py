"""Plans with overlays: when they are used, in which order their slots stand, and blocks that deny each other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Kernel, Share, System
from layoutplan.model.memory import PmpTraits, Reserve
from layoutplan.model.plan import Infeasible, Plan, Solved
from layoutplan.protection.overlay import Overlaid
from layoutplan.solve import solve
from layoutplan.solve.joint import layout_of
from layoutplan.solve.problem import problem_of
from layoutplan.solve.record import No, Record
from layoutplan.solve.tangle import tangled, with_plain_covers, without
from tests.protection import decode_pmp
from tests.solve.decoder import permits
from tests.solve.systems import RAM, Want, system

G = 32
NAPOT = PmpTraits(grain=G, modes=frozenset({"napot"}))


def planned(asked: System) -> Plan:
    outcome = solve(asked)
    assert isinstance(outcome, Solved)
    return outcome.plan


def rights(plan: Plan, partition: str, address: int) -> str:
    """What one partition may do with a byte, by decoders that share nothing with the planner."""
    slots = plan.registers[partition]
    if plan.unit is UnitName.PMP:
        return decode_pmp.permits(decode_pmp.decode([slot.words for slot in slots], G), address, 1)
    return permits(slots, address).letters


def test_two_entries_waste_less_with_an_overlay_than_the_best_two_without() -> None:
    """240 granules are 256 less 16; two entries end to end are 192 or 256."""
    asked = system([Want(name="a", bss=240 * G, slots=2)], ram=16_384, unit=UnitName.PMP, pmp=NAPOT)
    problem = problem_of(asked)
    [placement] = planned(asked).placements
    assert (placement.padding, len(placement.cover), len(placement.denied)) == (0, 1, 1)
    assert without(problem).unit.least_granted(240 * G, 2) == 256 * G


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_law_every_byte_is_granted_to_whom_it_is_and_to_nobody_else(data: st.DataObject) -> None:
    """Few slots, several blocks of one partition in each memory, shares across: neighbours reach over each other."""
    size = st.integers(1, 700)
    wants = [
        Want(
            name=name,
            text=data.draw(size),
            rodata=data.draw(size),
            bss=data.draw(size),
            stack=data.draw(st.sampled_from([0, 136, 520])),
            private=data.draw(st.booleans()),
            split=data.draw(st.integers(0, 3)) > 0,
            slots=data.draw(st.integers(6, 12)),
        )
        for name in "abc"
    ]
    ring = Share(name="ring", size=data.draw(size), memory="ram", access={"a": Access.RW, "b": Access.R})
    asked = system(
        wants,
        ram=8192,
        flash=16_384,
        slots=16,
        unit=UnitName.PMP,
        pmp=NAPOT,
        shares=[ring],
        kernel=Kernel(bss=100),
    )
    outcome = solve(asked, effort=60_000)
    if not isinstance(outcome, Solved):
        return
    plan = outcome.plan
    pieces = [piece for placement in plan.placements for piece in (placement.granted, *placement.denied)]
    for address in sorted({at for piece in pieces for edge in (piece.base, piece.end) for at in (edge - 1, edge)}):
        for partition in "abc":
            owner = next((each for each in plan.placements if address in each.granted), None)
            expected = owner.block.granted_to.get(partition, Access.NONE) if owner else Access.NONE
            assert rights(plan, partition, address) == expected.letters, (partition, hex(address))


def tight(sharer: str, *, split: bool = False, most: int = 16) -> System:
    """Nine granules of `a` on a pin, then eight of a ring, in the room that is left: each needs a surplus to be one."""
    return system(
        [
            Want(name="a", bss=9 * G, pin={Kind.DATA: RAM}, split=split, slots=most),
            Want(name="b", text=G),
            Want(name="c", text=G),
        ],
        ram=32 * G,
        slots=16,
        unit=UnitName.PMP,
        pmp=NAPOT,
        shares=[Share(name="ring", size=8 * G, memory="ram", access={sharer: Access.RW, "c": Access.R})],
        reserves=[Reserve(memory="ram", range=AddressRange(RAM + 17 * G, RAM + 32 * G))],
    )


def test_two_blocks_of_one_partition_that_deny_each_other_are_no_plan() -> None:
    outcome = solve(tight("a"))
    assert isinstance(outcome, Infeasible)
    assert {"block a.data", "block shared:ring"} <= {fact.name for fact in outcome.core}


def test_of_two_partitions_they_may() -> None:
    plan = planned(tight("b"))
    data, ring = plan.placement("a.data"), plan.placement("shared:ring")
    assert any(piece.overlaps(ring.granted) for piece in data.denied)
    assert any(piece.overlaps(data.granted) for piece in ring.denied)
    assert rights(plan, "a", data.granted.last) == rights(plan, "b", ring.granted.base) == "rw"
    assert rights(plan, "a", ring.granted.base) == rights(plan, "b", data.granted.last) == ""


def test_z3_refuses_a_tangled_layout_and_plain_covers_untangle_it() -> None:
    """With a seam allowed `a` needs no surplus; the ring of another shape keeps its own."""
    asked = tight("a")
    problem = problem_of(asked)
    ranges = {"a.data": AddressRange.of(RAM, 9 * G), "shared:ring": AddressRange.of(RAM + 9 * G, 8 * G)}
    code = iter([AddressRange.of(0x1000, G), AddressRange.of(0x1040, G)])
    places = tuple(ranges.get(item.block.name) or next(code) for item in problem.items)
    homes = tuple(problem.homes(item)[0] for item in problem.items)
    layout = layout_of(problem, homes, places)
    assert tangled(problem, layout)
    record = Record(problem, layout)
    assert isinstance(record.check(record.facts, 100_000), No)
    assert with_plain_covers(without(problem), layout) is None
    assert not tangled(without(problem), layout)
    apart = replace(
        layout, ranges=tuple(AddressRange(r.base + 64 * G, r.end + 64 * G) if r.base == RAM else r for r in places)
    )
    assert not tangled(problem, apart)


def test_a_block_that_an_overlay_reaches_over_is_written_on_every_switch() -> None:
    """Static slots decide last on both units, so what a dynamic slot denies cannot stay there."""
    asked = system(
        [Want(name="a", bss=9 * G, pin={Kind.DATA: RAM}, split=False), Want(name="b", text=G)],
        ram=32 * G,
        slots=16,
        unit=UnitName.PMP,
        pmp=NAPOT,
        shares=[Share(name="ring", size=G, memory="ram", access={"a": Access.RW, "b": Access.RW})],
        reserves=[Reserve(memory="ram", range=AddressRange(RAM + 10 * G, RAM + 32 * G))],
    )
    plan = planned(asked)
    ring = plan.placement("shared:ring")
    assert any(piece.overlaps(ring.granted) for piece in plan.placement("a.data").denied)
    for slots in plan.registers.values():
        assert [slot.static for slot in slots if slot.owner == "shared:ring"] == [False]
    assert rights(plan, "a", ring.granted.base) == rights(plan, "b", ring.granted.base) == "rw"
    assert rights(plan, "a", ring.granted.last) == "rw"


def test_pmsav7_has_none_in_a_plan() -> None:
    """By whole regions they save nothing there, and subregions that deny could not be attacked on the emulator."""
    asked = system([Want(name="a", bss=254 * G, slots=2)], ram=16_384)
    assert not isinstance(problem_of(asked).unit, Overlaid)
    assert all(not placement.denied for placement in planned(asked).placements)
