"""Several memories: preferences, weights, odd ends, static slots and their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, Kind, UnitName
from layoutplan.model.component import Kernel, Share, System
from layoutplan.model.memory import PmpTraits
from layoutplan.model.plan import Plan, Solved
from layoutplan.solve import solve
from tests.solve.systems import Want, system

FAST = {Kind.DATA: ("tcm", "ram")}


def plan_of(asked: System) -> Plan:
    outcome = solve(asked)
    assert isinstance(outcome, Solved)
    return outcome.plan


def homes(plan: Plan) -> dict[str, str]:
    return {placement.block.name: placement.memory for placement in plan.placements}


def test_a_block_lives_in_its_preferred_memory_while_that_has_room() -> None:
    asked = system([Want(name="a", bss=500, memory=FAST), Want(name="b", bss=300)], tcm=512)
    assert homes(plan_of(asked)) == {"a.data": "tcm", "b.data": "ram"}


def test_of_two_that_prefer_it_the_one_that_moves_fewer_bytes_moves() -> None:
    asked = system([Want(name="a", bss=500, memory=FAST), Want(name="b", bss=300, memory=FAST)], tcm=512)
    assert homes(plan_of(asked)) == {"a.data": "tcm", "b.data": "ram"}


def test_a_block_too_large_for_any_preferred_memory_takes_the_next() -> None:
    asked = system([Want(name="a", bss=600, memory=FAST)], tcm=512)
    assert homes(plan_of(asked)) == {"a.data": "ram"}


def test_rounding_can_decide_the_memory_too() -> None:
    """500 bytes fit, but not beside a kernel that leaves 500 bytes off the granule."""
    kernel = Kernel(bss=12, data_memory="tcm")
    asked = system([Want(name="a", bss=500, memory=FAST)], tcm=512, kernel=kernel)
    assert homes(plan_of(asked)) == {"a.data": "ram"}


def test_weights_decide_where_a_slot_is_spent() -> None:
    """Three slots, two blocks of which either could use the third."""
    want = Want(name="a", text=1032, bss=516, slots=3)
    ram_dear = plan_of(replace(system([want]), weights={"flash": 1.0, "ram": 100.0}))
    flash_dear = plan_of(replace(system([want]), weights={"flash": 100.0, "ram": 1.0}))
    assert [len(placement.cover) for placement in ram_dear.placements] == [1, 2]
    assert [len(placement.cover) for placement in flash_dear.placements] == [2, 1]


def test_a_memory_that_ends_between_granules_counts_its_sliver_as_gap() -> None:
    plan = plan_of(system([Want(name="a", bss=64)], ram=4100))
    assert plan.placements[0].granted.end == 0x2000_1000
    assert plan.objective.value == pytest.approx(4 / 4100)


def test_unused_slots_are_static_and_reserved_ones_last() -> None:
    wants = [Want(name="a", bss=64), Want(name="b", bss=64)]
    asked = system(wants, runtime=256, kernel=Kernel(reserved_slots=1))
    v7 = plan_of(asked)
    assert (v7.slots.first_static, v7.slots.static) == (0, 6)
    assert (v7.slots.first_dynamic, v7.slots.dynamic) == (6, 1)
    assert (v7.slots.first_reserved, v7.slots.reserved) == (7, 1)
    assert [slot.owner for slot in v7.registers["a"]] == ["runtime", *[None] * 5, "a.data", None]
    target = replace(asked.target, unit=UnitName.PMP, pmp=PmpTraits(grain=32))
    pmp = plan_of(replace(asked, target=target))
    assert (pmp.slots.first_dynamic, pmp.slots.dynamic, pmp.slots.first_static) == (0, 1, 1)
    assert [slot.owner for slot in pmp.registers["a"]] == ["a.data", "runtime", *[None] * 6]
    assert pmp.registers["a"][-1].reserved


def test_the_regions_of_a_single_partition_stay_dynamic() -> None:
    plan = plan_of(system([Want(name="a", bss=64)], runtime=256))
    assert plan.slots.dynamic == 2


def test_what_not_everyone_may_do_alike_is_not_static() -> None:
    ring = Share(name="ring", size=64, memory="ram", access={"a": Access.RW, "b": Access.R})
    assert plan_of(system([Want(name="a", bss=64), Want(name="b", bss=64)], shares=[ring])).slots.dynamic == 2
    alike = replace(ring, access={"a": Access.RW, "b": Access.RW})
    assert plan_of(system([Want(name="a", bss=64), Want(name="b", bss=64)], shares=[alike])).slots.dynamic == 1


def test_blocks_pack_downward_from_the_memorys_end() -> None:
    plan = plan_of(system([Want(name="a", text=1024, bss=512)]))
    assert {placement.memory: placement.granted for placement in plan.placements} == {
        "flash": AddressRange(8192 - 1024, 8192),
        "ram": AddressRange(0x2000_0000 + 4096 - 512, 0x2000_0000 + 4096),
    }


def test_isolation_off_packs_without_rounding() -> None:
    plan = plan_of(system([Want(name="a", bss=13), Want(name="b", bss=7)], isolated=False))
    assert sorted(placement.granted.base for placement in plan.placements) == [0x2000_0FE8, 0x2000_0FF8]
    assert all(placement.cover == () and placement.padding == 0 for placement in plan.placements)


def test_adjoining_tor_ranges_share_a_bound() -> None:
    """Two entries each, but the lower bound of the upper range is the upper bound of the lower one."""
    ring = Share(name="ring", size=96, memory="ram", access={"a": Access.R})
    tor = PmpTraits(modes=frozenset({"tor"}))
    plan = plan_of(system([Want(name="a", bss=160)], shares=[ring], unit=UnitName.PMP, pmp=tor))
    assert [placement.granted.size for placement in plan.placements] == [160, 96]
    assert plan.slots.dynamic == 3
    assert [slot.words[0] for slot in plan.registers["a"][:3]] == [0x2000_0F00 >> 2, 0x2000_0F60 >> 2, 0x2000_1000 >> 2]
