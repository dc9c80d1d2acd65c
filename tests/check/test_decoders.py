"""Laws: for any register words the intervals, Z3 over the prelude, and a byte-by-byte reading of the manual agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layoutplan.check.proof import script
from layoutplan.check.proof.prove import Answer, decide
from layoutplan.check.proof.units import reading_of
from layoutplan.check.sabotage import reference
from layoutplan.model.access import Access, UnitName
from layoutplan.model.memory import PmpTraits, Target
from layoutplan.model.plan import Words
from tests.check import oracle

BASE = 0x2000_0000
WINDOW = 2048


def pmsav7() -> st.SearchStrategy[Words]:
    def pair(base: int, size: int, srd: int, access: int, xn: bool, on: bool) -> Words:
        srd = srd if size >= 7 else 0
        return BASE + (base << size + 1) % WINDOW, xn << 28 | access << 24 | srd << 8 | size << 1 | on

    sizes = st.integers(4, 11)
    return st.builds(
        pair, st.integers(0, 63), sizes, st.integers(0, 255), st.integers(0, 7), st.booleans(), st.booleans()
    )


def pmsav8() -> st.SearchStrategy[Words]:
    def pair(base: int, size: int, low: int, on: bool) -> Words:
        return BASE + 32 * base | low, BASE + 32 * (base + size) | on

    return st.builds(pair, st.integers(0, 40), st.integers(0, 24), st.integers(0, 31), st.booleans())


def pmp() -> st.SearchStrategy[Words]:
    def entry(base: int, ones: int, config: int) -> Words:
        napot = config >> 3 & 3 == 3
        return (BASE >> 2) + base | ((1 << ones) - 1 if napot else 0), config

    return st.builds(entry, st.integers(0, WINDOW >> 2), st.integers(0, 9), st.integers(0, 31))


def wild() -> st.SearchStrategy[Words]:
    """Any bits at all: malformed words must be read alike too."""
    return st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))


STRATEGIES = {UnitName.ARMV7M: pmsav7(), UnitName.ARMV8M: pmsav8(), UnitName.PMP: pmp()}


def target(unit: UnitName, traits: PmpTraits | None = None) -> Target:
    return replace(reference.system(unit).target, pmp=traits or PmpTraits())


def decoded_as_z3(unit: UnitName, words: tuple[Words, ...], chip: Target) -> None:
    """Z3 finds no address in 36 bits where the prelude and the intervals differ, and the malformed agree."""
    reading = reading_of(unit)
    told = [(interval.range, script.rights(interval.user)) for interval in reading.decoder.intervals(words, chip)]
    head = reading.text.constants(chip) + script.prelude(reading.text.prelude) + "(declare-const a Addr)\n"
    head += reading.text.functions("p", words, chip) + "\n"
    different = f"(and (issued a) (not (= (user.p a) {script.choose(told, '#b000')})))"
    malformed = script.any_of(reading.text.malformed(words, chip))
    (answer, address), (bad, _) = decide(head, [different, malformed])
    assert answer is Answer.UNSAT, f"{address:#x}" if address is not None else "?"
    assert (bad is Answer.SAT) == any(True for _ in reading.decoder.malformed(words, chip))


def decoded_as_bytes(unit: UnitName, words: tuple[Words, ...], chip: Target) -> None:
    intervals = reading_of(unit).decoder.intervals(words, chip)
    edges = {edge for i in intervals for edge in (i.range.base, i.range.end)}
    addresses = {*range(BASE - 64, BASE + WINDOW + 64, 4), *edges, *(edge - 1 for edge in edges)}
    for address in addresses:
        if 0 <= address < 1 << 32:
            mine = next((i.user for i in intervals if address in i.range), Access.NONE)
            traits = chip.pmp
            theirs = oracle.rights(unit, words, address, grain=traits.grain, swapped=traits.swapped_rx)
            assert mine.letters == theirs, hex(address)


@pytest.mark.parametrize("unit", list(STRATEGIES))
def test_intervals_are_what_each_byte_says(unit: UnitName) -> None:
    @settings(deadline=None, derandomize=True, max_examples=60)
    @given(st.lists(STRATEGIES[unit], min_size=1, max_size=8))
    def law(pairs: list[Words]) -> None:
        decoded_as_bytes(unit, tuple(pairs), target(unit))

    law()


@pytest.mark.parametrize("unit", [*STRATEGIES, UnitName.ARMV6M])
def test_intervals_are_what_z3_says_for_every_address(unit: UnitName) -> None:
    near = STRATEGIES.get(unit, STRATEGIES[UnitName.ARMV7M])
    any_bits = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255)) if unit is UnitName.PMP else wild()

    @settings(deadline=None, derandomize=True, max_examples=40)
    @given(st.lists(st.one_of(near, any_bits), min_size=1, max_size=8))
    def law(pairs: list[Words]) -> None:
        decoded_as_z3(unit, tuple(pairs), target(unit))

    law()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(pmp(), min_size=1, max_size=8), st.sampled_from([4, 8, 16, 64]), st.booleans())
def test_a_coarse_or_swapped_pmp_is_read_alike(pairs: list[Words], grain: int, swapped: bool) -> None:
    chip = target(UnitName.PMP, PmpTraits(grain=grain, swapped_rx=swapped))
    decoded_as_bytes(UnitName.PMP, tuple(pairs), chip)
    decoded_as_z3(UnitName.PMP, tuple(pairs), chip)


@pytest.mark.parametrize(
    ("unit", "words", "address", "letters"),
    [
        (UnitName.ARMV7M, ((0, 0x1300_003F),), 0xFFFF_FFFF, "rw"),  # 4 GiB
        (UnitName.ARMV8M, ((0xFFFF_FFE3, 0xFFFF_FFE1),), 0xFFFF_FFFF, "rw"),  # the last granule
        (UnitName.PMP, ((0xFFFF_FFFF, 0x1B),), 0xFFFF_FFFF, "rw"),  # NAPOT of all ones
        (UnitName.PMP, ((0x4000_0000, 0x0B),), 0xFFFF_FFFF, "rw"),  # TOR up to 2^32 exactly
    ],
)
def test_the_end_of_the_address_space(unit: UnitName, words: tuple[Words, ...], address: int, letters: str) -> None:
    (interval,) = reading_of(unit).decoder.intervals(words, target(unit))
    assert interval.range.end == 1 << 32
    assert address in interval.range
    assert interval.user.letters == letters == oracle.rights(unit, words, address)
    decoded_as_z3(unit, words, target(unit))
