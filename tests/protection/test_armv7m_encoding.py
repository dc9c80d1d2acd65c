"""PMSAv7 words, decoded again by code that was written from the manual for these tests."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.model.access import Access
from layoutplan.model.memory import MemoryType
from layoutplan.protection.armv7m import ARMV6M, ARMV7M, Pmsav7
from tests.protection.decode_armv7m import decode

BOTH = pytest.mark.parametrize("unit", [ARMV7M, ARMV6M], ids=["armv7m", "armv6m"])
RIGHTS = [Access.NONE, Access.R, Access.RW, Access.RX]


def words(unit: Pmsav7, piece: AddressRange, access: Access = Access.RW) -> tuple[int, int]:
    ((rbar, rasr),) = unit.encode(piece, access, MemoryType.NORMAL_WRITE_BACK, False)
    return rbar, rasr


def pieces_around(size: int) -> list[AddressRange]:
    """Every run of subregions of regions of ``size`` bytes: at zero, somewhere, and ending at the top."""
    found = []
    for base in sorted({0, size, 5 * size, ADDRESS_SPACE_END - size}):
        if base + size <= ADDRESS_SPACE_END:
            if size < 256:
                found.append(AddressRange.of(base, size))
                continue
            eighth = size // 8
            found += [
                AddressRange(base + first * eighth, base + (last + 1) * eighth)
                for first in range(8)
                for last in range(first, 8)
            ]
    return found


@BOTH
@pytest.mark.parametrize("exponent", range(5, 33))
def test_every_legal_size_matches_exactly_its_bytes(unit: Pmsav7, exponent: int) -> None:
    for piece in pieces_around(1 << exponent):
        decoded = decode(*words(unit, piece), unit.smallest_region)
        assert decoded is not None
        assert decoded.pieces == ((piece.base, piece.end),), piece


@BOTH
@pytest.mark.parametrize("access", RIGHTS, ids=["none", "r", "rw", "rx"])
def test_rights_are_those_asked_for_and_the_kernel_has_them_too(unit: Pmsav7, access: Access) -> None:
    decoded = decode(*words(unit, AddressRange.of(0x2000_0000, 0x400), access), unit.smallest_region)
    assert decoded is not None
    assert decoded.unprivileged == access.letters
    assert set(decoded.privileged) >= set(access.letters)
    assert "x" not in decoded.privileged or access == Access.RX
    assert ("w" in decoded.privileged) == (access not in (Access.R, Access.RX))


@pytest.mark.parametrize(
    ("kind", "tex_c_b"),
    [
        (MemoryType.NORMAL_UNCACHED, (1, 0, 0)),
        (MemoryType.NORMAL_WRITE_THROUGH, (0, 1, 0)),
        (MemoryType.NORMAL_WRITE_BACK, (1, 1, 1)),
        (MemoryType.DEVICE, (0, 0, 1)),
    ],
)
def test_memory_types_are_the_manuals(kind: MemoryType, tex_c_b: tuple[int, int, int]) -> None:
    for shareable in (False, True):
        (pair,) = ARMV7M.encode(AddressRange.of(0x2000_0000, 32), Access.RW, kind, shareable)
        decoded = decode(*pair, 32)
        assert decoded is not None
        assert decoded.tex_c_b == tex_c_b
        assert decoded.shareable == (shareable or kind is MemoryType.DEVICE)


def test_armv6m_has_no_type_extension_field() -> None:
    assert ARMV6M.types == frozenset(MemoryType) - {MemoryType.NORMAL_UNCACHED}
    with pytest.raises(ValueError, match="armv6m has no encoding for normal-uncached"):
        ARMV6M.encode(AddressRange.of(0x2000_0000, 256), Access.RW, MemoryType.NORMAL_UNCACHED, False)


def test_a_known_word() -> None:
    """64 KiB of RAM, full access, execute never, write-back: SIZE is 15, not 16."""
    assert words(ARMV7M, AddressRange.of(0x2000_0000, 0x1_0000)) == (0x2000_0000, 0x130B_001F)


def test_a_known_word_with_subregions() -> None:
    """80 KiB of flash, read-only and executable: the first five of eight subregions of 128 KiB."""
    assert words(ARMV7M, AddressRange.of(0x0800_0000, 80 * 1024), Access.RX) == (0x0800_0000, 0x060B_E021)


def test_subregions_are_zero_below_256_bytes() -> None:
    """A nonzero SRD there is UNPREDICTABLE: 32 B at an odd place are one small region, not a subregion."""
    for size in (32, 64, 128):
        rbar, rasr = words(ARMV7M, AddressRange.of(0x2000_0000 + 3 * size, size))
        assert rbar == 0x2000_0000 + 3 * size
        assert rasr >> 8 & 0xFF == 0


def test_armv6m_reaches_32_bytes_only_as_a_subregion_of_256() -> None:
    rbar, rasr = words(ARMV6M, AddressRange.of(0x2000_0060, 32))
    assert rbar == 0x2000_0000
    assert 2 ** ((rasr >> 1 & 31) + 1) == 256
    assert rasr >> 8 & 0xFF == 0b1111_0111
    for small in (32, 64, 128):
        decoded = decode(*words(ARMV6M, AddressRange.of(0x2000_0100, small)), 256)
        assert decoded is not None
        assert decoded.pieces == ((0x2000_0100, 0x2000_0100 + small),)


@pytest.mark.parametrize(
    "piece",
    [
        AddressRange.of(0x2000_0010, 0x20),  # its low bits would spill into VALID and REGION
        AddressRange.of(0x2000_0000, 0x30),
        AddressRange.of(0x2000_0020, 0x100),  # two regions
        AddressRange.of(0x2000_0000, 0x120),
        AddressRange.of(0xFFFF_FF00, 0x200),
    ],
)
@BOTH
def test_what_is_not_one_region_is_refused(unit: Pmsav7, piece: AddressRange) -> None:
    with pytest.raises(ValueError, match="region matches exactly"):
        words(unit, piece)


@pytest.mark.parametrize("access", [Access.WRITE, Access.EXECUTE, Access.RW | Access.EXECUTE])
def test_rights_that_no_region_gives_are_refused(access: Access) -> None:
    with pytest.raises(ValueError, match="armv7m has no region with rights"):
        words(ARMV7M, AddressRange.of(0x2000_0000, 0x400), access)


@BOTH
@given(st.integers(0, (1 << 22) - 1), st.integers(1, 4000), st.sampled_from(RIGHTS))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_law_encoding_then_decoding_a_cover_is_the_range(unit: Pmsav7, base: int, size: int, access: Access) -> None:
    granted = AddressRange.of(base * 32, size * 32)
    cover = unit.cover(granted)
    assert cover is not None
    position = granted.base
    for piece in cover:
        decoded = decode(*words(unit, piece, access), unit.smallest_region)
        assert decoded is not None
        ((low, high),) = decoded.pieces
        assert low == position
        position = high
        assert decoded.unprivileged == access.letters
    assert position == granted.end


def test_a_unit_is_frozen_data() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ARMV7M.smallest_region = 8  # type: ignore[misc]
