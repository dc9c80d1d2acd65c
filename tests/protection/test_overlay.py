"""Deny overlays: what the words permit, against every pair and triple of regions that there is."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, PmpTraits
from layoutplan.model.plan import Words
from layoutplan.protection.armv7m import ARMV6M, ARMV7M, Pmsav7
from layoutplan.protection.overlay import PAGE, Overlaid, encode_denied, with_overlays
from layoutplan.protection.pmp import Pmp
from tests.protection import decode_armv7m, decode_pmp
from tests.protection.oracle import naturally_aligned_regions, subregion_regions

LAW = settings(deadline=None, derandomize=True, max_examples=120)
NAPOT32 = Pmp(PmpTraits(grain=32, modes=frozenset({"napot"})))
UNITS = {"armv7m": Overlaid(ARMV7M), "armv6m": Overlaid(ARMV6M), "NAPOT only": Overlaid(NAPOT32)}
every_unit = pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
G = 32


def permitted(unit: Overlaid, cover: tuple[AddressRange, ...], at: int, access: Access) -> tuple[str, str]:
    """Unprivileged and (on Arm) privileged rights on one byte, by the words of ``cover`` in their order."""
    words = encoded(unit, cover, access)
    if isinstance(unit.unit, Pmsav7):
        for rbar, rasr in reversed(words):
            decoded = decode_armv7m.decode(rbar, rasr, unit.unit.smallest_region)
            assert decoded is not None
            if any(low <= at < high for low, high in decoded.pieces):
                return decoded.unprivileged, decoded.privileged
        return "", "rwx"
    return decode_pmp.permits(decode_pmp.decode(words, 32), at, 1), "rwx"


def encoded(unit: Overlaid, cover: tuple[AddressRange, ...], access: Access) -> list[Words]:
    """What grants, then what denies; the other way round on PMP, where the lowest number decides."""
    memory = (MemoryType.NORMAL_WRITE_BACK, False)
    granting = [pair for piece in unit.granting(cover) for pair in unit.encode(piece, access, *memory)]
    denying = [pair for piece in unit.denied(cover) for pair in encode_denied(unit, piece, *memory)]
    return granting + denying if isinstance(unit.unit, Pmsav7) else denying + granting


@every_unit
@given(st.integers(1 << 12, 1 << 14), st.integers(1, 700), st.sampled_from([Access.R, Access.RW, Access.RX]))
@LAW
def test_law_the_words_permit_exactly_the_range(unit: Overlaid, base: int, size: int, access: Access) -> None:
    granted = AddressRange.of(0x2000_0000 + base * G, size * G)
    cover = unit.cover(granted)
    assert cover is not None
    matched = (*cover, *unit.granting(cover), *unit.denied(cover))
    edges = {edge for each in matched for edge in (each.base - 1, each.base, each.last, each.end)}
    for at in edges:
        user, privileged = permitted(unit, cover, at, access)
        assert user == (access.letters if at in granted else "")
        if at not in granted:
            assert privileged == "rwx"
    assert not any(each.overlaps(granted) for each in unit.denied(cover))
    plain = unit.unit.cover(granted)
    assert plain is not None
    assert unit.cost(cover) <= unit.unit.cost(plain)
    assert len(encoded(unit, cover, access)) == unit.cost(cover)


@functools.cache
def two_region_ranges(space: int) -> set[tuple[int, int]]:
    """Every range that one region, two, or one less another, match."""
    regions = sorted(set(subregion_regions(space)))
    found = set(regions)
    by_base: dict[int, list[int]] = {}
    by_end: dict[int, list[int]] = {}
    for base, end in regions:
        by_base.setdefault(base, []).append(end)
        by_end.setdefault(end, []).append(base)
    whole = {(base, end) for base, end in regions if (end - base) * G >= PAGE and deniable(base, end)}
    whole |= {(base, base + size) for size in (1, 2, 4, 8, 16, 32) for base in range(0, space, size)}
    for base, end in regions:
        found |= {(base, other) for other in by_base.get(end, ())}  # side by side
        for cut in range(base + 1, end):
            if any((cut, other) in whole for other in by_base.get(cut, ()) if other >= end):
                found.add((base, cut))  # the upper end denied
            if any((other, cut) in whole for other in by_end.get(cut, ()) if other <= base):
                found.add((cut, end))
    return found


def deniable(base: int, end: int) -> bool:
    """Whether a region whose subregions are of a page or more matches exactly that."""
    steps = (1 << k for k in range(5, 12))
    return any(base % s == end % s == 0 and base // (8 * s) == (end - 1) // (8 * s) for s in steps)


def test_two_slots_describe_all_that_two_can() -> None:
    unit, space, chance = UNITS["armv7m"], 512, random.Random(12)
    ranges = two_region_ranges(space)
    saved = 0
    for _ in range(4000):
        base = chance.randrange(space // 4, 3 * space // 4)  # so that a surplus has room on both sides
        end = chance.randrange(base + 1, min(base + 100, 3 * space // 4) + 1)
        granted = AddressRange(base * G, end * G)
        cover, plain = unit.cover(granted), ARMV7M.cover(granted)
        assert cover is not None
        assert plain is not None
        assert (unit.cost(cover) <= 2) == ((base, end) in ranges), granted
        saved += len(plain) > 2 >= unit.cost(cover)
    assert saved > 5


@functools.cache
def napot_ranges(space: int, entries: int) -> set[tuple[int, int]]:
    """Every range that ``entries`` prioritised NAPOT entries permit, found by trying all, as bit sets of granules."""
    regions = [(1 << end) - (1 << base) for base, end in naturally_aligned_regions(space)]
    sets = {0}
    for _ in range(entries):
        # An entry with priority over all before it grants or takes its bytes.
        sets |= {bits | region for bits in sets for region in regions} | {
            bits & ~region for bits in sets for region in regions
        }
    found = set()
    for bits in sets:
        low = bits & -bits
        if bits and (bits + low) & bits == 0:
            found.add((low.bit_length() - 1, bits.bit_length()))
    return found


@pytest.mark.parametrize("entries", [1, 2, 3])
def test_napot_entries_describe_all_that_so_many_can(entries: int) -> None:
    unit, space = UNITS["NAPOT only"], 32
    ranges = napot_ranges(space, entries)
    for base in range(space):
        for end in range(base + 1, space + 1):
            cover = unit.cover(AddressRange(base * G, end * G))
            assert cover is not None
            if unit.cost(cover) <= entries:
                assert (base, end) in ranges or end > space - 1
            else:
                assert (base, end) not in ranges, (base, end)


@every_unit
def test_a_place_is_the_highest_that_its_covers_allow(unit: Overlaid) -> None:
    chance = random.Random(8)
    for _ in range(60):
        size, slots, align = chance.randrange(1, 50), chance.randrange(1, 4), 1 << chance.randrange(4)
        top = 2048 + chance.randrange(512)
        cut = chance.randrange(size + 1)
        wholes = chance.choice([(), ((0, cut * G),), ((0, size * G),)])
        place = unit.place(top * G, size * G, align * G, slots, wholes)
        expected = None
        for base in range((top - size) // align * align, 0, -align):
            for end in range(base + size, top + 1):
                cover = unit.cover(AddressRange(base * G, end * G), wholes)
                if cover is not None and unit.cost(cover) <= slots:
                    expected = AddressRange(base * G, end * G)
                    break
            if expected:
                break
        assert place == expected


@every_unit
@given(st.integers(1, 20_000), st.integers(1, 4), st.integers(0x2000_0000, 0x2000_8000), st.integers(0, 500))
@LAW
def test_law_a_place_is_monotone_and_never_below_the_least(
    unit: Overlaid, size: int, slots: int, top: int, more: int
) -> None:
    place, higher = unit.place(top, size, 8, slots), unit.place(top + more, size, 8, slots)
    least = unit.least_granted(size, slots)
    plain = unit.unit.place(top, size, 8, slots)
    assert place is not None
    assert higher is not None
    assert plain is not None
    assert least is not None
    assert least <= place.size
    assert plain.base <= place.base <= higher.base
    assert place.end <= top
    cover = unit.cover(place)
    assert cover is not None
    assert unit.cost(cover) <= slots


@every_unit
def test_overlays_lower_the_floor_of_two_slots(unit: Overlaid) -> None:
    sizes = range(2048, 32_768, 416)
    with_overlays, without = (
        sum(each.least_granted(size, 2) or 0 for size in sizes) - sum(-(-size // G) * G for size in sizes)
        for each in (unit, unit.unit)
    )
    assert with_overlays < (0.95 if isinstance(unit.unit, Pmsav7) else 0.65) * without


def test_the_least_granted_size_is_the_least_signed_sum() -> None:
    """Brute force over all pairs of terms."""
    unit = UNITS["armv7m"]
    terms = sorted({count << exponent for count in range(1, 9) for exponent in range(8)})
    taken = {1 << exponent for exponent in range(11)} | {count << 5 for count in range(1, 9)}
    taken |= {count << 6 for count in range(1, 9)} | {count << 7 for count in range(1, 9)}
    sums = {*terms, *(one + two for one in terms for two in terms), *(one - two for one in terms for two in taken)}
    for size in range(1, 200):
        assert unit.least_granted(size * G, 2) == min(each for each in sums if each >= size) * G


def test_one_slot_has_no_overlay() -> None:
    unit = UNITS["armv7m"]
    for size in range(100, 9000, 97):
        assert unit.place(0x2000_4000, size, 8, 1) == ARMV7M.place(0x2000_4000, size, 8, 1)
    assert unit.place(0x2000_4000, 32, 8, 0) is None
    assert unit.least_granted(32, 0) is None


def test_code_on_a_napot_core_needs_no_seam() -> None:
    """1,792 B are three entries end to end, and code may have no seam; 2 KiB less 256 B are two without one."""
    unit = UNITS["NAPOT only"]
    granted = AddressRange.of(0x8000_0000, 0x700)
    assert NAPOT32.cover(granted, ((0, 0x700),)) is None
    assert unit.cover(granted, ((0, 0x700),)) == (granted,)
    assert unit.cost((granted,)) == 2
    assert unit.granting((granted,)) == (AddressRange.of(0x8000_0000, 0x800),)
    assert unit.denied((granted,)) == (AddressRange.of(0x8000_0700, 0x100),)


def test_the_end_of_the_address_space_has_no_surplus_beyond() -> None:
    unit = UNITS["armv7m"]
    for size in range(1, 200):
        granted = AddressRange(ADDRESS_SPACE_END - (size + 8) * G, ADDRESS_SPACE_END - 8 * G)
        cover = unit.cover(granted)
        assert cover is not None
        assert unit.granting(cover)[-1].end <= ADDRESS_SPACE_END


@every_unit
@given(st.integers(1 << 12, 1 << 16), st.integers(1, 700))
@LAW
def test_law_an_overlay_stays_in_a_block_of_four_times_the_size(unit: Overlaid, base: int, size: int) -> None:
    """Whether there is an overlay then repeats with that block; without the bound, one may swallow the memory."""
    granted = AddressRange.of(base * G, size * G)
    cover = unit.cover(granted)
    assert cover is not None
    matched = unit.granting(cover)
    low, high = matched[0].base, matched[-1].end
    power = 1 << (granted.size - 1).bit_length()
    border = (granted.base | 4 * power - 1) + 1
    if border < granted.end:
        assert border - power <= low or low == granted.base
        assert high <= border + power or high == granted.end
    else:
        assert border - 4 * power <= low
        assert high <= border


@every_unit
@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 40), st.integers(0, 40))
@LAW
def test_law_an_overlay_stays_in_its_memory(unit: Overlaid, base: int, size: int, below: int, above: int) -> None:
    memory = AddressRange((1000 + base - min(base, below)) * G, (1000 + base + size + above) * G)
    granted = AddressRange.of((1000 + base) * G, size * G)
    inside = Overlaid(unit.unit, (memory,))
    cover, anywhere, plain = (each.cover(granted) for each in (inside, unit, unit.unit))
    assert cover is not None
    assert anywhere is not None
    assert plain is not None
    matched = inside.granting(cover)
    assert memory.contains(AddressRange(matched[0].base, matched[-1].end))
    assert unit.cost(anywhere) <= inside.cost(cover) <= unit.unit.cost(plain)
    elsewhere = Overlaid(unit.unit, (AddressRange(0, 32),))
    assert elsewhere.cover(granted) == plain


@every_unit
def test_a_place_near_the_end_of_a_memory_keeps_its_overlay_inside(unit: Overlaid) -> None:
    """Against every base and end, in memories that begin and end at odd multiples of the granule."""
    chance = random.Random(9)
    for _ in range(40):
        size, slots = chance.randrange(3, 40), chance.randrange(2, 4)
        memory = AddressRange((2048 - chance.randrange(60)) * G, (2048 + size + chance.randrange(90)) * G)
        bounded = Overlaid(unit.unit, (memory,))
        assert not bounded.repeats(1 << 20)
        expected = None
        for base in range(memory.end - size * G, memory.base - G, -G):
            ends = range(base + size * G, memory.end + G, G)
            covers = ((end, bounded.cover(AddressRange(base, end))) for end in ends)
            end = next((end for end, cover in covers if cover and bounded.cost(cover) <= slots), None)
            if end is not None:
                expected = AddressRange(base, end)
                break
        place = bounded.place(memory.end, size * G, G, slots)
        assert place == expected or (expected is None and place is not None and place.base < memory.base)


@every_unit
@given(st.integers(32, 5000), st.integers(1, 4), st.integers(0x2000_0000, 0x2001_0000), st.integers(1, 5))
@LAW
def test_law_a_place_repeats_with_its_period(unit: Overlaid, size: int, slots: int, top: int, turns: int) -> None:
    moved = turns * 8 * (1 << (size - 1).bit_length())
    here, there = unit.place(top, size, 8, slots), unit.place(top + moved, size, 8, slots)
    assert here is not None
    assert there == AddressRange(here.base + moved, here.end + moved)
    covers = unit.cover(here), unit.cover(there)
    assert covers[0] is not None
    assert covers[1] is not None
    assert unit.cost(covers[0]) <= slots
    assert unit.cost(covers[1]) <= slots


@every_unit
def test_what_has_no_cover_has_no_overlay_either(unit: Overlaid) -> None:
    assert unit.cover(AddressRange.of(0x2000_0010, 0x60)) is None
    assert unit.cover(AddressRange(ADDRESS_SPACE_END - 0x60, ADDRESS_SPACE_END + 0x20)) is None
    with pytest.raises(ValueError, match="regions match exactly"):
        unit.denied((AddressRange.of(0x2000_0010, 0x60),))


def test_a_core_with_tor_has_no_overlays() -> None:
    with pytest.raises(ValueError, match="without TOR"):
        Overlaid(Pmp(PmpTraits()))
    assert with_overlays(Pmp(PmpTraits()), ()) == Pmp(PmpTraits())


def test_smepmp_has_no_overlays() -> None:
    """There an entry without rights denies M-mode too, and what it denies may be the kernel's."""
    with pytest.raises(ValueError, match="without Smepmp"):
        Overlaid(Pmp(replace(NAPOT32.traits, smepmp=True)))
