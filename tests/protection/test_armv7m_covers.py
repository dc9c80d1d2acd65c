"""PMSAv7 covers against brute force, and the laws that the search relies on."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.protection.armv7m import ARMV6M, ARMV7M, Pmsav7
from tests.protection.oracle import NEVER, Oracle, subregion_regions

G = 32
SPACE = 256
ORACLE = Oracle(SPACE, dict.fromkeys(subregion_regions(SPACE), 1))
LAW = settings(deadline=None, derandomize=True, max_examples=150)

BOTH = pytest.mark.parametrize("unit", [ARMV7M, ARMV6M], ids=["armv7m", "armv6m"])


def granules(base: int, end: int) -> AddressRange:
    return AddressRange(base * G, end * G)


def test_a_cover_has_the_fewest_regions_for_every_range_of_a_small_space() -> None:
    for base in range(SPACE):
        counts = ORACLE.slots_from(base)
        for end in range(base + 1, SPACE + 1, 1 + base % 3):
            cover = ARMV7M.cover(granules(base, end))
            assert cover is not None
            assert ARMV7M.cost(cover) == counts[end]
            assert cover[0].base == base * G
            assert cover[-1].end == end * G
            assert all(left.end == right.base for left, right in itertools.pairwise(cover))
            assert all((piece.base // G, piece.end // G) in ORACLE.regions for piece in cover)


def test_a_cover_leaves_wholes_uncut_and_has_the_fewest_regions_that_do() -> None:
    chance = random.Random(3)
    refused = found = 0
    for _ in range(1500):
        base = chance.randrange(SPACE - 1)
        end = chance.randrange(base + 1, min(SPACE, base + 90) + 1)
        cuts = sorted(chance.randrange(end - base + 1) for _ in range(4))
        wholes = ((cuts[0], cuts[1]), (cuts[2], cuts[3]))
        cover = ARMV7M.cover(granules(base, end), tuple((low * G, high * G) for low, high in wholes))
        fewest = ORACLE.fewest(base, end, wholes)
        if cover is None:
            refused += 1
            assert fewest == NEVER
        else:
            found += 1
            assert len(cover) == fewest
            boundaries = [piece.base // G - base for piece in cover[1:]]
            assert not any(low < cut < high for cut in boundaries for low, high in wholes)
    assert refused > 50
    assert found > 50


@pytest.mark.parametrize("slots", [1, 2, 3, 4])
def test_the_least_granted_size_is_the_least_over_all_positions(slots: int) -> None:
    for size in range(1, 33):
        assert ARMV7M.least_granted(size * G, slots) == ORACLE.least_granted(size, slots) * G
        assert ARMV7M.least_granted(size * G - 31, slots) == ORACLE.least_granted(size, slots) * G


@pytest.mark.parametrize("with_wholes", [False, True], ids=["cuttable", "wholes"])
def test_a_place_is_the_highest_that_exists(with_wholes: bool) -> None:
    chance = random.Random(7)
    for _ in range(2500 if not with_wholes else 1200):
        top, size = chance.randrange(1, SPACE + 1), chance.randrange(1, 70)
        slots, align = chance.randrange(1, 5), 1 << chance.randrange(0, 6)
        wholes: tuple[tuple[int, int], ...] = ()
        if with_wholes:
            cut = chance.randrange(size + 1)
            wholes = chance.choice([((0, cut),), ((0, size),), ((cut, size),), ((0, cut // 2), (cut // 2, cut))])
        place = ARMV7M.place(
            top * G + chance.randrange(G),
            size * G - chance.randrange(G),
            align * G,
            slots,
            tuple((low * G, high * G) for low, high in wholes),
        )
        expected = ORACLE.place(top, size, align, slots, wholes)
        assert place == (granules(*expected) if expected else None)


def test_what_encloses_a_range_is_the_smallest_that_does() -> None:
    chance = random.Random(11)
    for _ in range(400):
        base = chance.randrange(SPACE // 2 - 1)
        end = chance.randrange(base + 1, SPACE // 2)
        slots = chance.randrange(1, 4)
        needed = AddressRange(base * G + chance.randrange(G), end * G + chance.randrange(1, G))
        expected = ORACLE.enclosing(base, end + 1, slots)
        assert expected is not None
        assert ARMV7M.enclosing(needed, slots) == granules(*expected)


def test_eighty_kibibytes_are_one_region_at_some_bases_and_not_at_others() -> None:
    at_start = ARMV7M.cover(AddressRange.of(0x2000_0000, 80 * 1024))
    assert at_start == (AddressRange.of(0x2000_0000, 80 * 1024),)
    across = ARMV7M.cover(AddressRange.of(0x2000_C000, 80 * 1024 + 0x4000))
    assert across is not None
    assert len(across) == 2


def test_a_range_off_the_granule_has_no_cover() -> None:
    assert ARMV7M.cover(AddressRange.of(0x4000_0010, 0x20)) is None
    assert ARMV7M.cover(AddressRange.of(0x4000_0000, 0x14)) is None
    assert ARMV7M.enclosing(AddressRange.of(0x4000_0010, 0x20), 1) == AddressRange.of(0x4000_0000, 0x40)


def test_the_whole_address_space_and_its_last_granule_are_one_region() -> None:
    assert ARMV7M.cover(AddressRange(0, ADDRESS_SPACE_END)) == (AddressRange(0, ADDRESS_SPACE_END),)
    assert ARMV7M.cover(AddressRange(ADDRESS_SPACE_END - 32, ADDRESS_SPACE_END)) is not None
    assert ARMV7M.cover(AddressRange(ADDRESS_SPACE_END - 32, ADDRESS_SPACE_END + 32)) is None


def test_nothing_is_placed_in_no_slots_or_below_zero() -> None:
    assert ARMV7M.place(0x1000, 32, 1, 0) is None
    assert ARMV7M.least_granted(32, 0) is None
    assert ARMV7M.enclosing(AddressRange(0, 32), 0) is None
    assert ARMV7M.place(0x1000, 0x1001, 1, 4) is None
    assert ARMV7M.place(0x1000, 0x1000, 1, 1) == AddressRange(0, 0x1000)


sizes = st.integers(1, 40_000)
tops = st.integers(0x2000_0000, 0x2008_0000)
few = st.integers(1, 5)
aligns = st.sampled_from([1, 4, 8, 32, 64, 1024])


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int, int, tuple[tuple[int, int], ...]]:
    """Size, alignment, slots and a stack at the bottom or a buffer somewhere."""
    size = draw(sizes)
    low, high = sorted((draw(st.integers(0, size)), draw(st.integers(0, size))))
    wholes = draw(st.sampled_from([(), ((0, high),), ((low, high),)]))
    return size, draw(aligns), draw(few), wholes


@BOTH
@given(shapes(), tops)
@LAW
def test_law_a_place_is_what_it_promises(
    unit: Pmsav7, shape: tuple[int, int, int, tuple[tuple[int, int], ...]], top: int
) -> None:
    size, align, slots, wholes = shape
    place = unit.place(top, size, align, slots, wholes)
    assert place is not None
    assert place.end <= top
    assert place.size >= size
    assert place.base % align == 0
    cover = unit.cover(place, wholes)
    assert cover is not None
    assert unit.cost(cover) <= slots
    least = unit.least_granted(size, slots)
    assert least is not None
    assert least <= place.size


@given(shapes(), tops, st.integers(0, 4096))
@LAW
def test_law_a_higher_top_never_lowers_a_place(
    shape: tuple[int, int, int, tuple[tuple[int, int], ...]], top: int, more: int
) -> None:
    size, align, slots, wholes = shape
    lower, higher = (ARMV7M.place(at, size, align, slots, wholes) for at in (top, top + more))
    assert lower is not None
    assert higher is not None
    assert lower.base <= higher.base


@given(sizes, few)
@LAW
def test_law_one_more_slot_never_grants_more(size: int, slots: int) -> None:
    fewer, more = ARMV7M.least_granted(size, slots), ARMV7M.least_granted(size, slots + 1)
    assert fewer is not None
    assert more is not None
    assert size <= more <= fewer


@given(sizes, few)
@LAW
def test_law_the_least_granted_size_is_reached_below_some_top(size: int, slots: int) -> None:
    least = ARMV7M.least_granted(size, slots)
    span = max(256, 1 << (2 * size).bit_length() + 2)
    places = (ARMV7M.place(span + top, size, 1, slots) for top in range(0, span, max(32, span >> 9)))
    found = min(place.size for place in places if place is not None)
    assert least is not None
    assert found >= least
    if size <= 4096:
        assert found == least


@given(st.integers(0, 1 << 20), st.integers(1, 1 << 16))
@LAW
def test_law_a_mirrored_range_needs_as_many_regions(base: int, size: int) -> None:
    granted = AddressRange.of(base * G, size * G)
    mirrored = AddressRange((1 << 32) - granted.end, (1 << 32) - granted.base)
    cover, reflection = ARMV7M.cover(granted), ARMV7M.cover(mirrored)
    if cover is None or reflection is None:
        assert cover is reflection is None
    else:
        assert len(cover) == len(reflection)


@given(shapes(), tops)
@LAW
def test_law_wholes_only_lower_a_place(shape: tuple[int, int, int, tuple[tuple[int, int], ...]], top: int) -> None:
    size, align, slots, wholes = shape
    uncut, free = ARMV7M.place(top, size, align, slots, wholes), ARMV7M.place(top, size, align, slots)
    assert uncut is not None
    assert free is not None
    assert uncut.base <= free.base


@given(shapes(), tops, st.integers(1, 3))
@LAW
def test_law_a_place_repeats_with_its_period(
    shape: tuple[int, int, int, tuple[tuple[int, int], ...]], top: int, turns: int
) -> None:
    size, align, slots, wholes = shape
    span = max(4 << max(size - 1, 31).bit_length(), align)
    here, there = (ARMV7M.place(at, size, align, slots, wholes) for at in (top, top + turns * span))
    assert here is not None
    assert there is not None
    assert there == AddressRange(here.base + turns * span, here.end + turns * span)
