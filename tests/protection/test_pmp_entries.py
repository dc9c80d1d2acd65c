"""Bounds that TOR entries share, and hard-wired entries that let unprivileged code through."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.access import Access
from layoutplan.model.memory import FixedEntry, MemoryType, PmpTraits
from layoutplan.model.plan import Words
from layoutplan.protection.pmp import Pmp
from layoutplan.protection.pmp_entries import open_ranges, redundant_bounds
from tests.protection.decode_pmp import decode, permits

UNIT = Pmp(PmpTraits())


def words_of(*pieces: tuple[AddressRange, Access]) -> list[Words]:
    return [pair for piece, access in pieces for pair in UNIT.encode(piece, access, MemoryType.DEVICE, True)]


def without(words: list[Words], dropped: frozenset[int]) -> list[Words]:
    return [pair for index, pair in enumerate(words) if index not in dropped]


def test_adjoining_ranges_take_one_entry_each_and_one_more() -> None:
    ranges = [
        AddressRange(0x8000_0004, 0x8000_0030),
        AddressRange(0x8000_0030, 0x8000_0058),
        AddressRange(0x8000_0058, 0x8000_0074),
    ]
    words = words_of(*zip(ranges, (Access.R, Access.RW, Access.RX), strict=True))
    dropped = redundant_bounds(words, 3)
    assert dropped == {2, 4}
    assert decode(without(words, dropped)) == decode(words)


def test_a_napot_entry_before_holds_no_bound() -> None:
    """Its address has ones at the bottom; only a raw value that is equal would do."""
    words = words_of((AddressRange.of(0x8000_0000, 0x100), Access.R), (AddressRange.of(0x8000_0100, 0x30), Access.RW))
    assert redundant_bounds(words, 0) == frozenset()


def test_an_na4_entry_before_holds_its_own_base() -> None:
    words = words_of((AddressRange.of(0x8000_0004, 4), Access.R), (AddressRange.of(0x8000_0004, 0x30), Access.RW))
    assert redundant_bounds(words, 0) == {1}
    assert decode(without(words, frozenset({1}))) == decode(words)


def test_zero_is_the_bound_of_entry_zero_only() -> None:
    words = words_of((AddressRange(0, 0x30), Access.R))
    assert redundant_bounds(words, 0) == {0}
    assert decode(without(words, frozenset({0}))) == decode(words)
    assert redundant_bounds(words, 1) == frozenset()


def test_a_disabled_entry_that_bounds_nothing_is_kept() -> None:
    assert redundant_bounds([(0, 0), (0, 0)], 0) == frozenset()


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 9), st.sampled_from([Access.R, Access.RW, Access.RX])), max_size=6
    ),
    st.integers(0, 2),
)
@settings(deadline=None, derandomize=True, max_examples=300)
def test_law_leaving_out_shared_bounds_changes_no_permission(steps: list[tuple[int, int, Access]], first: int) -> None:
    position, pieces = 0, []
    for gap, size, access in steps:
        piece = AddressRange.of(position + 4 * (gap if gap > 4 else 0), 4 * size)
        pieces.append((piece, access))
        position = piece.end
    words = words_of(*pieces)
    dropped = redundant_bounds(words, first)
    stale: list[Words] = [(0x1234_5678, 0)] * first  # whatever another partition left in the entries before
    before, after = decode(stale + words), decode(stale + without(words, dropped))
    assert before == after
    assert [permits(before, at, 1) for at in range(position + 8)] == [
        permits(after, at, 1) for at in range(position + 8)
    ]


def test_an_rp2350_leaves_rom_peripherals_and_sio_open() -> None:
    """Entries 8 to 10 as the RP2350 data sheet gives them (PMPADDR8 to PMPADDR10, PMPCFG2)."""
    fixed = tuple(
        FixedEntry(index=8 + index, address=address, config=0x1F, hardwired=True)
        for index, address in enumerate((0x01FF_FFFF, 0x13FF_FFFF, 0x35FF_FFFF))
    )
    traits = PmpTraits(grain=32, modes=frozenset({"napot"}), fixed=fixed, swapped_rx=True)
    assert open_ranges(traits) == (
        AddressRange(0, 0x1000_0000),
        AddressRange(0x4000_0000, 0x6000_0000),
        AddressRange(0xD000_0000, 0xE000_0000),
    )


def test_a_static_entry_without_rights_closes_an_open_range() -> None:
    traits = PmpTraits(fixed=(FixedEntry(index=8, address=0x13FF_FFFF, config=0x1F, hardwired=True),))
    (opened,) = open_ranges(traits)
    unit = Pmp(traits)
    uart = AddressRange.of(0x4007_0000, 0x1000)
    grant = unit.encode(uart, Access.RW, MemoryType.DEVICE, True)
    closing = unit.encode(opened, Access.NONE, MemoryType.DEVICE, True)
    hardwired = [(entry.address, entry.config) for entry in traits.fixed]
    left_open, closed = decode([*grant, *hardwired]), decode([*grant, *closing, *hardwired])
    assert permits(left_open, 0x4008_0000, 4) == "rwx"
    assert permits(closed, 0x4008_0000, 4) == ""
    assert permits(closed, uart.base, 4) == "rw"


def test_every_mode_of_a_hard_wired_entry() -> None:
    def fixed(index: int, address: int, config: int, hardwired: bool = True) -> FixedEntry:
        return FixedEntry(index=index, address=address, config=config, hardwired=hardwired)

    tor = PmpTraits(fixed=(fixed(0, 0x100, 0), fixed(1, 0x200, 0x0B), fixed(2, 0x300, 0x13), fixed(3, 0x400, 0x18)))
    assert open_ranges(tor) == (AddressRange(0x400, 0x800), AddressRange(0xC00, 0xC04))
    unknown_bound = PmpTraits(fixed=(fixed(0, 0x100, 0, hardwired=False), fixed(1, 0x200, 0x0B)))
    assert open_ranges(unknown_bound) == (AddressRange(0, 0x800),)
    everything = PmpTraits(fixed=(fixed(0, 0xFFFF_FFFF, 0x1F),))
    assert open_ranges(everything) == (AddressRange(0, 1 << 32),)
    assert open_ranges(PmpTraits(fixed=(fixed(0, 0xFFFF_FFFF, 0x1F, hardwired=False),))) == ()
