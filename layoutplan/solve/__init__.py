"""Floor 4: from a system to a plan, an infeasible core, or undecided."""
