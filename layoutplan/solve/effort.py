"""Effort in steps. The wall clock never decides, so the same question gets the same answer on a loaded machine."""

from __future__ import annotations

DEFAULT_EFFORT = 400_000
"""Steps of a search by default: half a second to a second on a desktop core."""

RLIMIT_PER_STEP = 20
"""Z3's resource units per step, so that both kinds of step take about as long."""


class Effort:
    """What is left of a budget of steps. A step is one block tried at one place."""

    __slots__ = ("left", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total

    def spend(self, steps: int) -> None:
        """Take ``steps``; may overdraw, so that a pass that has begun reaches its end."""
        self.left -= steps

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0

    def share(self, part: int, of: int) -> Effort:
        """A budget of ``part / of`` of what is left."""
        return Effort(max(0, self.left) * part // of)
