"""Blocks with fixed slots as CP-SAT sees them: optional intervals, each of one length, its base in a domain."""

from __future__ import annotations

from layoutplan.address import next_power_of_two
from layoutplan.protection.armv7m import ARMV7M, GRANULE, SHIFT
from layoutplan.protection.runs import fewest

WORKERS = 2

LENGTHS = 6
"""Granted lengths offered for a block of several slots, from the least on; of one slot all that can be best are."""


def packed(sizes: list[int], slots: int, seconds: float) -> tuple[int, int]:
    """The span that CP-SAT finds within ``seconds``, zero for none, and its bound, in bytes.

    It may use as many bytes as one power of two for each block takes. With several slots the model has only the
    shortest lengths of a block, without which it would not load in the time: a slight handicap.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    room = sum(next_power_of_two(-(-size // GRANULE)) for size in sizes)
    top = model.new_int_var(0, room, "top")
    intervals = []
    for index, size in enumerate(sizes):
        choices = []
        for length in lengths(size, slots):
            bases = [b for b in range(room - length + 1) if runs_of(b, b + length, slots) <= slots]
            chosen = model.new_bool_var(f"{index} {length}")
            start = model.new_int_var_from_domain(cp_model.Domain.from_values(bases), f"start {index} {length}")
            intervals.append(model.new_optional_fixed_size_interval_var(start, length, chosen, f"{chosen}"))
            model.add(start + length <= top).only_enforce_if(chosen)
            choices.append(chosen)
        model.add_exactly_one(choices)
    model.add_no_overlap(intervals)
    model.minimize(top)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    status = solver.solve(model)
    bound = round(solver.best_objective_bound) * GRANULE
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    return round(solver.objective_value) * GRANULE if found else 0, bound


def lengths(size: int, slots: int) -> list[int]:
    """Granted lengths in granules: those that can be the best of one region, or the shortest of several."""
    granules = -(-size // GRANULE)
    if slots == 1:
        found, unit = set(), 1
        while True:
            count = -(-granules // unit)
            if count <= 1 << SHIFT:
                found.add(count * unit)
            if count == 1:
                return sorted(found)
            unit <<= 1
    least = ARMV7M.least_granted(size, slots)
    assert least is not None
    return list(range(least // GRANULE, least // GRANULE + LENGTHS))


def runs_of(base: int, end: int, limit: int) -> int:
    """The fewest regions for a range of granules."""
    return fewest(base, end, SHIFT, limit)
