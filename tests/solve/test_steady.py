"""With a lock that no longer fits: the fewest moves of all layouts within the stated waste, counted by brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Infeasible, Solved
from layoutplan.solve import solve
from layoutplan.solve.advice import lock_of
from tests.solve.brute import GRANULE, runs_cost
from tests.solve.systems import RAM, Want, system

LENGTH = 11
"""Granules of RAM: few enough to try every layout of three blocks."""

Range = tuple[int, int]


def asked(sizes: Sequence[int], slots: Sequence[int], move_waste: float) -> System:
    wants = [Want(name=name, bss=size, slots=cap) for name, size, cap in zip("abc", sizes, slots, strict=True)]
    given = system(wants, ram=LENGTH * GRANULE, weights={"ram": 1.0, "flash": 1.0})
    return replace(given, move_waste=move_waste)


def every_layout(sizes: Sequence[int], slots: Sequence[int]) -> Iterator[tuple[Range, ...]]:
    """Every choice of granted ranges that do not overlap and that the slots can match, in granules."""
    first = RAM // GRANULE
    if not sizes:
        yield ()
        return
    need = -(-sizes[0] // GRANULE)
    for rest in every_layout(sizes[1:], slots[1:]):
        for base in range(first, first + LENGTH):
            for end in range(base + need, first + LENGTH + 1):
                apart = all(end <= low or high <= base for low, high in rest)
                if apart and runs_cost(UnitName.ARMV7M, frozenset(), base, end) <= slots[0]:
                    yield (base, end), *rest


def test_no_layout_within_the_limit_moves_fewer_blocks() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.integers(20, 110), min_size=3, max_size=3),
        st.just([1, 1, 1]),
        st.lists(st.sampled_from([0, 0, -30, 40]), min_size=3, max_size=3),
        st.sampled_from([0.0, 0.1, 0.25, 1.0]),
    )
    def law(sizes: list[int], slots: list[int], changes: list[int], move_waste: float) -> None:
        before = solve(asked(sizes, slots, move_waste))
        if not isinstance(before, Solved):
            return
        lock = lock_of(before.plan)
        locked = [before.plan.placement(f"{name}.data").granted for name in "abc"]
        stay = [(granted.base // GRANULE, granted.end // GRANULE) for granted in locked]
        changed = [max(1, size + change) for size, change in zip(sizes, changes, strict=True)]
        after = solve(asked(changed, slots, move_waste), lock=lock)
        possible = [
            (
                (RAM // GRANULE + LENGTH - min(base for base, _ in layout)) * GRANULE - sum(changed),
                sum(place != old for place, old in zip(layout, stay, strict=True)),
            )
            for layout in every_layout(changed, slots)
        ]
        if not possible:
            assert isinstance(after, Infeasible)
            return
        assert isinstance(after, Solved)
        granted = [after.plan.placement(f"{name}.data").granted for name in "abc"]
        moved = sum(new != old for new, old in zip(granted, locked, strict=True))
        allowed = min(waste for waste, _ in possible) + int(move_waste * sum(changed))
        if any(moves == 0 for _, moves in possible):
            # A lock that still fits is kept, whatever it wastes.
            assert moved == 0
            seen["kept"] += 1
            return
        fewest = min(moves for waste, moves in possible if waste <= allowed)
        assert moved == fewest
        assert after.plan.objective.value <= allowed
        seen[f"{fewest} moved"] += 1
        seen["limited"] += fewest > min(moves for _, moves in possible)

    law()
    assert min(seen[what] for what in ("kept", "1 moved", "2 moved", "limited")) >= 2, seen
