"""One slot per block as CP-SAT sees it: one optional interval per unit, its base in a residue domain."""

from __future__ import annotations

from layoutplan.address import next_power_of_two

GRANULE = 32
WORKERS = 2


def packed(sizes: list[int], seconds: float) -> tuple[int, int]:
    """The span that CP-SAT finds within ``seconds``, and its bound, in bytes."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    horizon = sum(next_power_of_two(-(-size // GRANULE)) for size in sizes)
    top = model.new_int_var(0, horizon, "top")
    intervals = []
    for index, size in enumerate(sizes):
        granules = -(-size // GRANULE)
        choices = []
        for exponent in range(next_power_of_two(granules).bit_length()):
            unit = 1 << exponent
            count = -(-granules // unit)
            if count > 8:
                continue
            # A run of `count` units inside one aligned block of eight.
            legal = [k * unit for k in range(horizon // unit) if k % 8 + count <= 8]
            chosen = model.new_bool_var(f"{index} {exponent}")
            start = model.new_int_var_from_domain(cp_model.Domain.from_values(legal), f"start {index} {exponent}")
            intervals.append(model.new_optional_fixed_size_interval_var(start, count * unit, chosen, f"{chosen}"))
            model.add(start + count * unit <= top).only_enforce_if(chosen)
            choices.append(chosen)
        model.add_exactly_one(choices)
    model.add_no_overlap(intervals)
    model.minimize(top)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    solver.solve(model)
    return round(solver.objective_value) * GRANULE, round(solver.best_objective_bound) * GRANULE
