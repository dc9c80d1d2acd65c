"""The search's own parts against what shares nothing with them: every order tried, Z3, the joint floor."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.address import AddressRange
from layoutplan.model.component import System
from layoutplan.protection.armv7m import ARMV7M
from layoutplan.solve import beam, dive, reinsert, sequence
from layoutplan.solve.effort import DEFAULT_EFFORT, Effort
from layoutplan.solve.floor import floor_of, padding_options
from layoutplan.solve.homes import choices, propose
from layoutplan.solve.placer import Placer
from layoutplan.solve.problem import problem_of
from layoutplan.solve.record import No, Record, Yes
from layoutplan.solve.sequence import Fixed
from layoutplan.solve.tries import Laid, Piece, Question, above
from tests.benchmarks.sets import random_tasks
from tests.benchmarks.sets import system as benchmark
from tests.solve.systems import Want, system, systems

AMPLE = Effort(1 << 40).total
FREE = ((AddressRange(0x2000_0000, 0x2000_8000),), (AddressRange(0x1000, 0x1C20), AddressRange(0x2000, 0x3460)))


def blocks_of(chance: random.Random, count: int) -> list[Fixed]:
    sizes = [chance.randrange(20, 3000) for _ in range(count - 1)]
    sizes.append(sizes[0])  # two that are interchangeable
    sizes.sort(reverse=True)
    return [Fixed(i, (size, 8, ()), chance.randrange(1, 4)) for i, size in enumerate(sizes)]


def best_order(blocks: Sequence[Fixed], free: tuple[AddressRange, ...]) -> int | None:
    """The least waste over every order, each block at the highest place below the one before."""
    best = None
    for order in itertools.permutations(blocks):
        top: int | None = free[-1].end
        for block in order:
            places = [
                place.base
                for interval in free
                if top is not None
                and (place := ARMV7M.place(min(top, interval.end), *block.shape[:2], block.slots)) is not None
                and interval.base <= place.base
            ]
            top = max(places, default=None)
        if top is not None:
            waste = above(free, top) - sum(block.shape[0] for block in blocks)
            best = waste if best is None else min(best, waste)
    return best


@pytest.mark.parametrize("listed", [False, True], ids=["directly", "by lists"])
@pytest.mark.parametrize("free", FREE, ids=["one interval", "two intervals"])
def test_the_exact_sequence_is_the_best_of_all_orders(
    free: tuple[AddressRange, ...], listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if listed:
        monkeypatch.setattr(sequence, "FEW_BLOCKS", 0)
    chance = random.Random(5)
    for _ in range(12):
        blocks = blocks_of(chance, 5)
        expected = best_order(blocks, free)
        found = sequence.sequence(blocks, free, Placer(ARMV7M), None, Effort(AMPLE))
        assert found.complete
        if expected is None:
            assert found.laid is None
            continue
        assert found.laid is not None
        assert found.waste == expected
        assert not any(one.end > other.base for other, one in itertools.pairwise(found.laid[::-1]))
        below = sequence.sequence(blocks, free, Placer(ARMV7M), expected - 1, Effort(AMPLE))
        assert below.laid is None
        assert below.complete
        assert sequence.sequence(blocks, free, Placer(ARMV7M), expected, Effort(AMPLE)).waste == expected


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(33, 1200), min_size=2, max_size=5), st.integers(1, 2), st.integers(0, 600))
def test_the_exact_sequence_and_z3_agree_both_ways(sizes: list[int], slots: int, more: int) -> None:
    """On what fits into a memory and what does not, at the edge: the bytes asked and little more."""
    length = (sum(sizes) + more + 31) // 32 * 32
    wants = [Want(name=name, bss=size, slots=slots) for name, size in zip("abcde", sizes, strict=False)]
    problem = problem_of(system(wants, flash=64, ram=length))
    placer = Placer(problem.unit)
    blocks = [Fixed(item.index, Placer.shape(item), slots) for item in problem.items]
    found = sequence.sequence(blocks, problem.spaces[1].free, placer, None, Effort(AMPLE))
    record = Record(problem)
    answer = record.check(record.facts, 400_000)
    assert found.complete
    assert isinstance(answer, Yes if found.laid is not None else No)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(systems(most=6))
def test_nothing_that_is_found_is_below_the_joint_floor(asked: System) -> None:
    problem = problem_of(asked)
    placer = Placer(problem.unit)
    found = propose(problem, placer, Effort(20_000)).proposal
    if found is not None:
        floor = floor_of(problem, padding_options(problem, placer, found.layout.homes))
        assert floor.slots is not None
        assert floor.bound <= found.bound <= found.layout.value


def question(blocks: Sequence[Fixed], free: tuple[AddressRange, ...]) -> Question:
    """The blocks, each with a partition of its own and so many slots, in a memory of weight one."""
    pieces = tuple(Piece(block.index, block.shape, (block.index,), block.slots) for block in blocks)
    return Question(pieces, free, 1, tuple(b.slots for b in blocks), tuple((0,) * (b.slots + 1) for b in blocks))


def waste(laid: Sequence[Laid], blocks: Sequence[Fixed], free: tuple[AddressRange, ...]) -> int:
    ordered = sorted(laid, key=lambda block: block.base)
    assert sorted(block.index for block in laid) == list(range(len(blocks)))
    assert all(lower.end <= upper.base for lower, upper in itertools.pairwise(ordered))
    for block in laid:
        assert any(interval.contains(AddressRange(block.base, block.end)) for interval in free)
        cover = ARMV7M.cover(AddressRange(block.base, block.end))
        assert cover is not None
        assert len(cover) <= blocks[block.index].slots
        assert block.end - block.base >= blocks[block.index].shape[0]
    return above(free, ordered[0].base) - sum(block.shape[0] for block in blocks)


@pytest.mark.parametrize("free", FREE, ids=["one interval", "two intervals"])
def test_beam_dive_and_reinsertion_find_layouts_and_what_is_best_of_few_blocks(free: tuple[AddressRange, ...]) -> None:
    """So few blocks that a wide beam keeps every set, and reinsertion takes all of them out at once."""
    chance = random.Random(9)
    for _ in range(10):
        blocks = blocks_of(chance, 5)
        asked, placer = question(blocks, free), Placer(ARMV7M)
        best = sequence.sequence(blocks, free, placer, None, Effort(AMPLE))
        wide = beam.run(asked, placer, 1000, 2, Effort(AMPLE))
        assert (wide is None) == (best.laid is None)
        if wide is None:
            continue
        assert waste(wide, blocks, free) == best.waste
        narrow = beam.run(asked, placer, 1, 2, Effort(AMPLE))
        if narrow is not None:
            before = waste(narrow, blocks, free)
            assert before >= best.waste
            better = reinsert.improved(asked, placer, narrow, 3, Effort(AMPLE))
            assert (better is None) == (before == best.waste)
            assert better is None or waste(better, blocks, free) == best.waste
        least = sum(placer.least(block.shape, block.slots) or 0 for block in blocks)
        spare = best.waste + sum(block.shape[0] for block in blocks) - least
        dived = dive.run(asked, placer, spare, 0, Effort(AMPLE))
        assert dived is None or waste(dived[0], blocks, free) == best.waste
        assert dive.run(asked, placer, spare - 1, 0, Effort(AMPLE)) is None


def test_a_hundred_blocks_in_each_memory_reach_the_joint_floor() -> None:
    problem = problem_of(benchmark(random_tasks(1, 100)))
    placer = Placer(problem.unit)
    found = propose(problem, placer, Effort(DEFAULT_EFFORT)).proposal
    assert found is not None
    floor = floor_of(problem, padding_options(problem, placer, next(choices(problem))))
    assert found.layout.value == floor.bound == found.bound
