"""Peripherals: several in one region where subregions can be disabled between them, and never a byte more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import Peripheral
from layoutplan.model.plan import Solved
from layoutplan.solve import solve
from layoutplan.solve.problem import problem_of
from tests.solve.decoder import permits
from tests.solve.systems import Want, system

BUS = 0x4000_0000


def devices(*bases: int, size: int = 0x400) -> list[Peripheral]:
    return [Peripheral(name=f"p{k}", range=AddressRange.of(BUS + base, size)) for k, base in enumerate(bases)]


def test_three_on_one_bus_take_one_slot_on_armv7m_and_three_on_armv8m() -> None:
    own = devices(0x400, 0xC00, 0x1400)
    want = Want(name="a", text=100, bss=64, peripherals=("p0", "p1", "p2"))
    for unit, slots in ((UnitName.ARMV7M, 1), (UnitName.ARMV8M, 3)):
        assert problem_of(system([want], peripherals=own, unit=unit)).devices == (slots,)


def test_a_partition_of_a_peripheral_alone() -> None:
    outcome = solve(system([Want(name="a", peripherals=("p0",))], peripherals=devices(0)))
    assert isinstance(outcome, Solved)
    assert [slot.owner for slot in outcome.plan.registers["a"] if slot.owner] == ["p0"]


def test_the_slots_saved_go_to_the_blocks() -> None:
    """With three slots for the peripherals these blocks would have one each."""
    own = devices(0x400, 0xC00, 0x1400)
    outcome = solve(
        system([Want(name="a", text=1032, bss=516, peripherals=("p0", "p1", "p2"))], peripherals=own, slots=5)
    )
    assert isinstance(outcome, Solved)
    assert [len(placement.cover) for placement in outcome.plan.placements] == [2, 2]
    owners = [slot.owner for slot in outcome.plan.registers["a"] if slot.owner]
    assert owners.count("p0, p1, p2") == 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 31), st.booleans()), min_size=1, max_size=5, unique_by=lambda want: want[0]))
def test_a_peripheral_is_its_owners_and_nothing_beside_it_is(wanted: list[tuple[int, bool]]) -> None:
    own = devices(*(place * 0x400 for place, _ in wanted))
    names = {
        owner: tuple(p.name for p, (_, mine) in zip(own, wanted, strict=True) if mine is owner)
        for owner in (True, False)
    }
    wants = [Want(name="a", bss=64, peripherals=names[True]), Want(name="b", bss=64, peripherals=names[False])]
    outcome = solve(system(wants, peripherals=own, slots=16))
    assert isinstance(outcome, Solved)
    for place in range(-1, 33):
        owner = next(("a" if mine else "b" for at, mine in wanted if at == place), None)
        for address in (BUS + place * 0x400, BUS + place * 0x400 + 0x3FF):
            for partition, slots in outcome.plan.registers.items():
                assert permits(slots, address) == (Access.RW if partition == owner else Access.NONE)
