"""PMP: NAPOT, NA4 and TOR under one budget, absent modes, grain, seams, and the words."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, PmpTraits
from layoutplan.protection.pmp import Pmp
from tests.protection.decode_pmp import Entry, decode, permits
from tests.protection.oracle import NEVER, Oracle, Region, every_range, naturally_aligned_regions

LAW = settings(deadline=None, derandomize=True, max_examples=150)


@dataclass(frozen=True)
class Core:
    """A core's PMP; the oracle's positions are its grains."""

    grain: int
    modes: frozenset[str]

    @property
    def unit(self) -> Pmp:
        return Pmp(PmpTraits(grain=self.grain, modes=self.modes))

    def oracle(self, space: int) -> Oracle:
        """Every region of the core that lies in ``space`` grains, with its entries."""
        slots: dict[Region, int] = {}
        if "tor" in self.modes:
            slots |= dict.fromkeys(every_range(space), 2)
        least = 8 // self.grain if self.grain < 8 else 1
        for base, end in naturally_aligned_regions(space):
            if (end - base >= least and "napot" in self.modes) or (
                end - base == 1 and self.grain == 4 and "na4" in self.modes
            ):
                slots[base, end] = 1
        return Oracle(space, slots)


ALL = frozenset({"napot", "na4", "tor"})
CORES = {
    "everything": Core(4, ALL),
    "grain 32": Core(32, ALL),
    "NAPOT only": Core(32, frozenset({"napot"})),
    "NAPOT and NA4": Core(4, frozenset({"napot", "na4"})),
    "NAPOT of 8": Core(4, frozenset({"napot"})),
    "TOR only": Core(4, frozenset({"tor"})),
}
SPACE = 64
every_core = pytest.mark.parametrize("core", CORES.values(), ids=CORES)


@every_core
def test_covers_have_the_fewest_entries_and_no_seam_inside_a_whole(core: Core) -> None:
    oracle, unit, chance = core.oracle(SPACE), core.unit, random.Random(1)
    found = 0
    for _ in range(1500):
        base = chance.randrange(SPACE - 1)
        end = chance.randrange(base + 1, SPACE + 1)
        cuts = sorted(chance.randrange(end - base + 1) for _ in range(2))
        wholes = chance.choice([(), ((cuts[0], cuts[1]),), ((0, end - base),)])
        granted = AddressRange(base * core.grain, end * core.grain)
        cover = unit.cover(granted, tuple((low * core.grain, high * core.grain) for low, high in wholes))
        fewest = oracle.fewest(base, end, wholes)
        if cover is None:
            assert fewest == NEVER
            continue
        found += 1
        assert unit.cost(cover) == fewest
        assert cover[0].base == granted.base
        assert cover[-1].end == granted.end
        for left, right in itertools.pairwise(cover):
            assert left.end == right.base
            assert left.end % 8 == 0
            assert not any(low * core.grain < left.end - granted.base < high * core.grain for low, high in wholes)
    assert found > 200


@every_core
def test_a_place_is_the_highest_that_exists(core: Core) -> None:
    oracle, unit, chance = core.oracle(SPACE), core.unit, random.Random(2)
    placed = 0
    for _ in range(1200):
        top, size = chance.randrange(1, SPACE + 1), chance.randrange(1, 24)
        slots, align = chance.randrange(1, 5), 1 << chance.randrange(0, 4)
        cut = chance.randrange(size + 1)
        wholes = chance.choice([(), ((0, cut),), ((0, size),), ((cut, size),)])
        place = unit.place(
            top * core.grain + chance.randrange(core.grain),
            size * core.grain - chance.randrange(core.grain),
            align * core.grain,
            slots,
            tuple((low * core.grain, high * core.grain) for low, high in wholes),
        )
        expected = oracle.place(top, size, align, slots, wholes)
        assert place == (AddressRange(expected[0] * core.grain, expected[1] * core.grain) if expected else None)
        placed += place is not None
    assert placed > 200


@every_core
def test_the_least_granted_size_is_the_least_over_all_positions(core: Core) -> None:
    oracle, unit = core.oracle(SPACE), core.unit
    for slots in (1, 2, 3, 4):
        for size in range(1, 17):
            reachable = any(
                oracle.slots_from(base)[end] <= slots for base in range(SPACE) for end in range(base + size, SPACE + 1)
            )
            least = unit.least_granted(size * core.grain, slots)
            assert least == (oracle.least_granted(size, slots) * core.grain if reachable else None)


@every_core
def test_what_encloses_a_range_is_the_smallest_that_does(core: Core) -> None:
    oracle, unit, chance = core.oracle(SPACE), core.unit, random.Random(4)
    for _ in range(200):
        base = chance.randrange(SPACE // 2 - 1)
        end = chance.randrange(base + 1, SPACE // 2)
        slots = chance.randrange(1, 4)
        found = unit.enclosing(AddressRange(base * core.grain, end * core.grain), slots)
        expected = oracle.enclosing(base, end, slots)
        assert found == (AddressRange(expected[0] * core.grain, expected[1] * core.grain) if expected else None)


@every_core
@given(st.integers(1, 9000), st.integers(0x8000_0000, 0x8001_0000), st.integers(1, 5), st.integers(0, 600))
@LAW
def test_law_a_place_is_what_it_promises_and_is_monotone(
    core: Core, size: int, top: int, slots: int, more: int
) -> None:
    unit = core.unit
    place, higher = unit.place(top, size, 8, slots), unit.place(top + more, size, 8, slots)
    least = unit.least_granted(size, slots)
    if place is None or higher is None:
        assert place is None
        assert higher is None
        assert least is None
        return
    assert least is not None
    assert least <= place.size
    assert place.end <= top
    assert place.size >= size
    assert place.base % 8 == 0
    assert place.base <= higher.base
    cover = unit.cover(place)
    assert cover is not None
    assert unit.cost(cover) <= slots


def table(unit: Pmp, cover: tuple[AddressRange, ...], access: Access) -> list[tuple[int, int]]:
    return [pair for piece in cover for pair in unit.encode(piece, access, MemoryType.NORMAL_UNCACHED, shareable=False)]


@every_core
@given(st.integers(0, 1 << 20), st.integers(1, 5000), st.sampled_from([Access.R, Access.RW, Access.RX]))
@LAW
def test_law_entries_permit_exactly_the_range(core: Core, base: int, size: int, access: Access) -> None:
    unit = core.unit
    granted = AddressRange.of(0x8000_0000 + base * core.grain, size * core.grain)
    cover = unit.cover(granted)
    if cover is None:
        assert not {"tor"} & core.modes
        return
    words = table(unit, cover, access)
    assert len(words) == unit.cost(cover)
    entries = decode(words, core.grain)
    assert [entry.range for entry in entries] == [(piece.base, piece.end) for piece in cover]
    assert {entry.rights for entry in entries} == {access.letters}
    for address in {edge for piece in cover for edge in (piece.base, piece.end)}:
        for at in range(address - 8, address + 8):
            assert (permits(entries, at, 1) != "") == (at in granted)
            for width in (2, 4, 8):
                if at % width == 0:
                    inside = granted.base <= at and at + width <= granted.end
                    assert (permits(entries, at, width) != "") == inside


@pytest.mark.parametrize("exponent", range(3, 33))
def test_every_napot_size(exponent: int) -> None:
    size = 1 << exponent
    for base in {0, size, ADDRESS_SPACE_END - size}:
        if base + size > ADDRESS_SPACE_END:
            continue
        piece = AddressRange.of(base, size)
        ((address, config),) = CORES["everything"].unit.encode(piece, Access.RW, MemoryType.DEVICE, shareable=True)
        assert decode([(address, config)]) == [Entry((base, base + size), "rw")]


def test_known_words() -> None:
    unit = CORES["everything"].unit
    assert table(unit, (AddressRange.of(0x8000_0000, 0x1000),), Access.RX) == [(0x2000_01FF, 0x1D)]
    assert table(unit, (AddressRange.of(0x8000_0004, 4),), Access.R) == [(0x2000_0001, 0x11)]
    assert table(unit, (AddressRange.of(0x8000_0004, 8),), Access.RW) == [(0x2000_0001, 0), (0x2000_0003, 0x0B)]


def test_a_range_that_ends_with_the_address_space_is_a_34_bit_address() -> None:
    """Pmpaddr holds bits 33:2, so 2^32 has a word of its own and does not wrap to zero."""
    words = table(CORES["everything"].unit, (AddressRange(ADDRESS_SPACE_END - 12, ADDRESS_SPACE_END),), Access.RW)
    assert words[1][0] == 0x4000_0000
    assert decode(words) == [Entry((ADDRESS_SPACE_END - 12, ADDRESS_SPACE_END), "rw")]


def test_tor_has_its_own_lower_bound_whatever_the_entry_before_is() -> None:
    """TOR uses pmpaddr[i-1] in every mode: after a NAPOT entry its encoded ones would be a wrong bound."""
    unit = CORES["everything"].unit
    first, second = AddressRange.of(0x8000_0000, 0x100), AddressRange.of(0x8000_0200, 0x30)
    words = table(unit, (first, second), Access.RW)
    assert len(words) == 3
    assert [entry.range for entry in decode(words)] == [(0x8000_0000, 0x8000_0100), (0x8000_0200, 0x8000_0230)]


def test_a_grain_above_four_leaves_no_na4_and_rounds_tor() -> None:
    unit = CORES["grain 32"].unit
    assert unit.cover(AddressRange.of(0x8000_0000, 4)) is None
    assert unit.cover(AddressRange.of(0x8000_0010, 0x20)) is None
    assert unit.enclosing(AddressRange.of(0x8000_0010, 0x20), 2) == AddressRange.of(0x8000_0000, 0x40)
    assert unit.place(0x8000_1010, 40, 8, 2) == AddressRange.of(0x8000_0FC0, 64)
    assert Pmp(PmpTraits(grain=8)).cover(AddressRange.of(0x8000_0000, 4)) is None


def test_a_core_without_tor_pays_for_odd_sizes_in_entries() -> None:
    odd = AddressRange.of(0x8000_0000, 7 * 32)
    napot, tor = CORES["NAPOT only"].unit, CORES["everything"].unit
    covers = napot.cover(odd), tor.cover(odd)
    assert covers[0] is not None
    assert covers[1] is not None
    assert napot.cost(covers[0]) == 3
    assert tor.cost(covers[1]) == 2
    with pytest.raises(ValueError, match="no PMP entry matches exactly"):
        napot.encode(odd, Access.RW, MemoryType.NORMAL_UNCACHED, shareable=False)


def test_code_on_a_core_without_tor_is_one_entry() -> None:
    """A 4-byte instruction at a multiple of 2 would fault on a seam."""
    unit = CORES["NAPOT only"].unit
    assert not unit.code_may_have_seams
    code = ((0, 0x700),)
    place = unit.place(0x8001_0000, 0x700, 4, 4, code)
    assert place == AddressRange.of(0x8000_F800, 0x800)
    assert unit.cover(AddressRange.of(0x8000_0000, 0x700), code) is None


def test_swapped_permission_bits() -> None:
    """RP2350-E6: R and X change places, so read-only data would be executable and unreadable."""
    unit = Pmp(PmpTraits(grain=32, modes=frozenset({"napot"}), swapped_rx=True))
    for access in (Access.NONE, Access.R, Access.RW, Access.RX):
        words = table(unit, (AddressRange.of(0x2000_0000, 0x100),), access)
        assert decode(words, 32, swapped=True)[0].rights == access.letters
    (word,) = table(unit, (AddressRange.of(0x2000_0000, 0x100),), Access.R)
    assert word[1] & 7 == 0b100


@pytest.mark.parametrize("access", [Access.WRITE, Access.EXECUTE, Access.RW | Access.EXECUTE])
def test_rights_that_no_entry_gives_are_refused(access: Access) -> None:
    with pytest.raises(ValueError, match="pmp has no entry with rights"):
        table(CORES["everything"].unit, (AddressRange.of(0x8000_0000, 0x100),), access)


def test_the_kernels_entries_are_the_same_and_locked() -> None:
    """Smepmp: L makes an entry M-mode's, and keeps its words until reset; a TOR's lower bound is locked with it."""
    unit = CORES["everything"].unit
    for piece, access in (
        (AddressRange.of(0x8000_0000, 0x100), Access.RX),
        (AddressRange(0x8000_0000, 0x8000_0124), Access.RW),
    ):
        usual = table(unit, (piece,), access)
        assert unit.encode_privileged(piece, access) == tuple((address, config | 0x80) for address, config in usual)


def test_nothing_fits_in_no_entries() -> None:
    for core in CORES.values():
        assert core.unit.place(0x8000_1000, 4, 4, 0) is None
        assert core.unit.least_granted(4, 0) is None
        assert core.unit.enclosing(AddressRange.of(0x8000_0000, 32), 0) is None
