"""PMSAv8: any range of 32 B granules, an inclusive limit, and memory types by index."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType
from layoutplan.protection.armv8m import ARMV8M, MAIR0, MAIR1
from tests.protection.decode_armv8m import decode
from tests.protection.oracle import Oracle, every_range

G = 32
SPACE = 48
ORACLE = Oracle(SPACE, dict.fromkeys(every_range(SPACE), 1))


def words(piece: AddressRange, access: Access = Access.RW, shareable: bool = False) -> tuple[int, int]:
    ((rbar, rlar),) = ARMV8M.encode(piece, access, MemoryType.NORMAL_WRITE_BACK, shareable)
    return rbar, rlar


def test_places_covers_and_least_sizes_agree_with_brute_force() -> None:
    chance = random.Random(5)
    for _ in range(400):
        top, size = chance.randrange(1, SPACE + 1), chance.randrange(1, 30)
        align, slots = 1 << chance.randrange(4), chance.randrange(1, 3)
        place = ARMV8M.place(top * G + chance.randrange(G), size * G - chance.randrange(G), align * G, slots)
        expected = ORACLE.place(top, size, align, slots)
        assert place == (AddressRange(expected[0] * G, expected[1] * G) if expected else None)
        assert ARMV8M.least_granted(size * G - 1, slots) == ORACLE.least_granted(size, slots) * G
        if place is not None:
            cover = ARMV8M.cover(place)
            assert cover == (place,)
            assert ARMV8M.cost(cover) == 1


def test_nothing_fits_in_no_slots() -> None:
    assert ARMV8M.place(0x1000, 32, 1, 0) is None
    assert ARMV8M.least_granted(32, 0) is None
    assert ARMV8M.enclosing(AddressRange(0, 32), 0) is None


def test_a_range_off_the_granule_has_no_cover_and_the_excess_is_known() -> None:
    odd = AddressRange.of(0x4000_0010, 0x14)
    assert ARMV8M.cover(odd) is None
    assert ARMV8M.enclosing(odd, 1) == AddressRange.of(0x4000_0000, 0x40)
    assert ARMV8M.cover(AddressRange(ADDRESS_SPACE_END - 32, ADDRESS_SPACE_END + 32)) is None


@given(
    st.integers(0, (1 << 27) - 1),
    st.integers(1, 1 << 20),
    st.sampled_from([Access.R, Access.RW, Access.RX]),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_law_encoding_then_decoding_is_the_range_and_the_rights(base: int, size: int, access: Access) -> None:
    piece = AddressRange(base * G, min((base + size) * G, ADDRESS_SPACE_END))
    decoded = decode(*words(piece, access))
    assert decoded is not None
    assert decoded.range == (piece.base, piece.end)
    assert decoded.unprivileged == access.letters
    assert set(decoded.privileged) >= set(access.letters)


def test_the_limit_is_inclusive() -> None:
    """RLAR with the end itself would grant the neighbour's first granule."""
    _, rlar = words(AddressRange.of(0x2000_0000, 0x40))
    assert rlar & ~31 == 0x2000_0020


def test_a_region_that_ends_with_the_address_space() -> None:
    decoded = decode(*words(AddressRange(0xFFFF_FF00, ADDRESS_SPACE_END)))
    assert decoded is not None
    assert decoded.range == (0xFFFF_FF00, ADDRESS_SPACE_END)


def test_no_rights_leave_the_kernel_its_own() -> None:
    decoded = decode(*words(AddressRange.of(0x2000_0000, 32), Access.NONE))
    assert decoded is not None
    assert (decoded.unprivileged, decoded.privileged) == ("", "rw")


@pytest.mark.parametrize("access", [Access.WRITE, Access.EXECUTE, Access.RW | Access.EXECUTE])
def test_rights_that_no_region_gives_are_refused(access: Access) -> None:
    with pytest.raises(ValueError, match="armv8m has no region with rights"):
        words(AddressRange.of(0x2000_0000, 32), access)


def test_a_piece_off_the_granule_is_refused() -> None:
    """Its low bits would spill into SH, AP and XN."""
    with pytest.raises(ValueError, match="no armv8m region matches exactly"):
        words(AddressRange.of(0x2000_0010, 32))


def test_every_memory_type_has_the_byte_that_the_architecture_gives_it() -> None:
    expected = {
        MemoryType.NORMAL_UNCACHED: {0x44},
        MemoryType.NORMAL_WRITE_THROUGH: {0x88 | hints * 0x11 for hints in (1, 2, 3)},  # 0b10RW, inner and outer
        MemoryType.NORMAL_WRITE_BACK: {0xCC | hints * 0x11 for hints in (1, 2, 3)},  # 0b11RW
        MemoryType.DEVICE: {0x04},  # nGnRE
    }
    seen = set()
    for kind, bytes_ in expected.items():
        ((rbar, rlar),) = ARMV8M.encode(AddressRange.of(0x2000_0000, 32), Access.RW, kind, True)
        decoded = decode(rbar, rlar)
        assert decoded is not None
        assert (MAIR1 << 32 | MAIR0) >> 8 * decoded.index & 0xFF in bytes_
        assert decoded.sharing == 0b10
        seen.add(decoded.index)
    assert len(seen) == len(ARMV8M.types) == 4


def test_memory_that_is_not_shareable_says_so() -> None:
    decoded = decode(*words(AddressRange.of(0x2000_0000, 32)))
    assert decoded is not None
    assert decoded.sharing == 0
