"""Floor 5: the library's verbs, composed from the floors below."""

from layoutplan.pipeline.planning import plan
from layoutplan.pipeline.request import PlanRequest, PlanResult
from layoutplan.pipeline.sealing import seal_all
from layoutplan.pipeline.starting import first_manifest
from layoutplan.pipeline.stored import StoredPlan, read, read_report
from layoutplan.pipeline.verifying import selftest, verify

__all__ = [
    "PlanRequest",
    "PlanResult",
    "StoredPlan",
    "first_manifest",
    "plan",
    "read",
    "read_report",
    "seal_all",
    "selftest",
    "verify",
]
