"""Floor 4: where every block goes, and which registers match it."""

from layoutplan.solve.advice import advise
from layoutplan.solve.blocks import blocks_of
from layoutplan.solve.effort import DEFAULT_EFFORT
from layoutplan.solve.solver import solve

__all__ = ["DEFAULT_EFFORT", "advise", "blocks_of", "solve"]
