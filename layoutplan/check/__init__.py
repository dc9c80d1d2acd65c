"""Floor 4: the independent checker. It shares no code with the planner and believes nothing that the planner wrote."""

from __future__ import annotations

from layoutplan.check.checker import check_plan

__all__ = ["check_plan"]
