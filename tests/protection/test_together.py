"""One partition's peripherals in as few regions as there can be, never a byte more than was granted."""

from __future__ import annotations

import itertools
import random

import pytest

from layoutplan.address import ADDRESS_SPACE_END, AddressRange, merge
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType, PmpTraits
from layoutplan.protection.armv7m import ARMV6M, ARMV7M, Pmsav7
from layoutplan.protection.armv8m import ARMV8M
from layoutplan.protection.none import NoUnit
from layoutplan.protection.pmp import Pmp
from layoutplan.protection.together import cover_together, encode_together
from layoutplan.protection.unit import ProtectionUnit
from tests.protection.decode_armv7m import decode

G = 32


def legal_masks(space: int) -> list[int]:
    """Bit sets of granules that one region can match, holes and all: every base, size and SRD."""
    found = set()
    size = 8
    while size <= 8 * space:
        step = size // 8
        for base in range(0, space, size):
            for enabled in range(1, 256):
                bits = 0
                for index in range(8):
                    if enabled >> index & 1:
                        bits |= (1 << step) - 1 << base + index * step
                if bits < 1 << space:
                    found.add(bits)
        size *= 2
    return sorted(found)


SPACE = 48
MASKS = legal_masks(SPACE)


def fewest_by_brute_force(wanted: int) -> int:
    inside = [mask for mask in MASKS if mask & ~wanted == 0]
    inside = [mask for mask in inside if not any(mask != other and mask & ~other == 0 for other in inside)]
    for count in itertools.count(1):
        for chosen in itertools.combinations(inside, count):
            union = 0
            for mask in chosen:
                union |= mask
            if union == wanted:
                return count
    raise AssertionError


def matched(unit: Pmsav7, group: tuple[AddressRange, ...]) -> tuple[tuple[int, int], ...]:
    ((rbar, rasr),) = encode_together(unit, group, Access.RW, MemoryType.DEVICE, shareable=True)
    decoded = decode(rbar, rasr, unit.smallest_region)
    assert decoded is not None
    return decoded.pieces


@pytest.mark.parametrize("unit", [ARMV7M, ARMV6M], ids=["armv7m", "armv6m"])
def test_the_fewest_regions_that_match_exactly_the_ranges(unit: Pmsav7) -> None:
    chance = random.Random(6)
    fewer_than_apart = 0
    for _ in range(120):
        chosen = {chance.randrange(SPACE // 4) for _ in range(chance.randrange(1, 6))}
        widths = {start: chance.choice([1, 2, 4]) for start in chosen}
        ranges = [AddressRange.of(start * 4 * G, widths[start] * G) for start in chosen]
        groups = cover_together(unit, ranges)
        assert groups is not None
        wanted = 0
        for range_ in ranges:
            wanted |= (1 << range_.size // G) - 1 << range_.base // G
        assert len(groups) == fewest_by_brute_force(wanted)
        pieces = merge(AddressRange(*piece) for group in groups for piece in matched(unit, group))
        assert pieces == merge(ranges)
        fewer_than_apart += len(groups) < len(merge(ranges))
    assert fewer_than_apart > 30


def test_three_timers_on_one_bus_are_one_region() -> None:
    """TIM2, TIM4 and TIM7 of an STM32F4: subregions 0, 2 and 5 of 8 KiB at 0x4000_0000."""
    timers = [AddressRange.of(0x4000_0000 + offset, 0x400) for offset in (0, 0x800, 0x1400)]
    groups = cover_together(ARMV7M, timers)
    assert groups == (tuple(timers),)
    ((rbar, rasr),) = encode_together(ARMV7M, groups[0], Access.RW, MemoryType.DEVICE, shareable=True)
    assert (rbar, rasr >> 8 & 0xFF, rasr >> 1 & 31) == (0x4000_0000, 0b1101_1010, 12)


def test_a_foreign_peripheral_in_between_is_never_matched() -> None:
    ours = [AddressRange.of(0x4001_1000, 0x400), AddressRange.of(0x4001_1800, 0x400)]
    theirs = AddressRange.of(0x4001_1400, 0x400)
    groups = cover_together(ARMV7M, ours)
    assert groups is not None
    for group in groups:
        assert not any(AddressRange(*piece).overlaps(theirs) for piece in matched(ARMV7M, group))


def test_adjoining_peripherals_are_one_range_on_every_unit() -> None:
    two = [AddressRange.of(0x4000_0000, 0x400), AddressRange.of(0x4000_0400, 0x400)]
    units: list[ProtectionUnit] = [ARMV6M, ARMV7M, ARMV8M, Pmp(PmpTraits())]
    for unit in units:
        assert cover_together(unit, two) == ((AddressRange.of(0x4000_0000, 0x800),),)
    assert cover_together(NoUnit(), two) == ()


def test_units_without_subregions_keep_ranges_apart() -> None:
    two = [AddressRange.of(0x4000_0000, 0x400), AddressRange.of(0x4000_0800, 0x400)]
    assert cover_together(ARMV8M, two) == ((two[0],), (two[1],))
    words = encode_together(ARMV8M, (two[0],), Access.RW, MemoryType.DEVICE, shareable=True)
    assert words == ARMV8M.encode(two[0], Access.RW, MemoryType.DEVICE, True)
    with pytest.raises(ValueError, match="no armv8m region matches exactly"):
        encode_together(ARMV8M, tuple(two), Access.RW, MemoryType.DEVICE, shareable=True)


def test_ranges_too_far_apart_for_one_region_are_refused() -> None:
    two = (AddressRange.of(0x4000_0000, 0x400), AddressRange.of(0x4001_0000, 0x400))
    with pytest.raises(ValueError, match="no armv7m region matches exactly"):
        encode_together(ARMV7M, two, Access.RW, MemoryType.DEVICE, shareable=True)


def test_a_range_off_the_granule_has_no_exact_cover() -> None:
    assert cover_together(ARMV7M, [AddressRange.of(0x4000_0000, 0x14)]) is None


def test_ranges_at_both_ends_of_the_address_space() -> None:
    ends = [AddressRange.of(0, 1 << 29), AddressRange(ADDRESS_SPACE_END - (1 << 29), ADDRESS_SPACE_END)]
    groups = cover_together(ARMV7M, ends)
    assert groups == (tuple(ends),)
    assert matched(ARMV7M, groups[0]) == tuple((end.base, end.end) for end in ends)


def test_six_peripherals_take_no_time_worth_naming() -> None:
    """A search that is exponential in the peripherals' sizes would not end here."""
    chance = random.Random(9)
    for _ in range(40):
        bases = {0x4000_0000 + 0x400 * chance.randrange(160) for _ in range(8)}
        groups = cover_together(ARMV7M, [AddressRange.of(base, 0x400) for base in bases])
        assert groups is not None
        assert len(groups) <= len(bases)
