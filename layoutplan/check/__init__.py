"""Floor 4: the independent checker. It shares no code with the planner and believes nothing that the planner wrote."""

from __future__ import annotations

from layoutplan.check.checker import check_plan
from layoutplan.check.verify import verify_image

__all__ = ["check_plan", "verify_image"]
