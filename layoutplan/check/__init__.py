"""Floor 4: the independent checker. It shares no code with the planner and believes nothing that the planner wrote.

:func:`check_plan` and :func:`verify_image` give a verdict; ``evidence.evidence_files`` the folder that others can
recheck; ``selftest.selftest`` breaks good plans and images on the installed solver; ``timing.timings`` the times.
"""

from __future__ import annotations

from layoutplan.check.checker import check_plan
from layoutplan.check.verify import verify_image

__all__ = ["check_plan", "verify_image"]
