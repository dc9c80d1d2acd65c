"""What the document says beside numbers: proof, reasons, advice, and what a reader must know."""

from __future__ import annotations

from typing import Any

from layoutplan.model.access import Isolation, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Verdict
from layoutplan.model.plan import Advice, Infeasible, Outcome, OutOfEffort

Entry = dict[str, Any]


def range_entry(base: int, end: int) -> Entry:
    """Addresses ``base <= a < end`` as the document has them, in bytes."""
    return {"base": base, "end": end}


def proof(verdict: Verdict | None) -> Entry:
    """How many obligations held, and what was found against the rest."""
    if verdict is None:
        return {"obligations": 0, "proved": 0, "unknown": [], "findings": []}
    return {
        "obligations": verdict.obligations,
        "proved": verdict.proved,
        "unknown": list(verdict.unknown),
        "findings": [
            {
                "rule": finding.rule,
                "partition": finding.partition,
                "range": range_entry(finding.range.base, finding.range.end) if finding.range else None,
                "message": finding.message,
            }
            for finding in verdict.findings
        ],
    }


def reasons(outcome: Outcome) -> Entry:
    """Why there is no plan: the constraints that cannot hold together, and ways out; or why nothing was decided."""
    infeasible = outcome if isinstance(outcome, Infeasible) else None
    return {
        "core": [{"name": c.name, "text": c.text, "where": c.where} for c in infeasible.core] if infeasible else [],
        "core_minimal": infeasible.minimal if infeasible else None,
        "remedies": [
            {"text": remedy.text, "cost": remedy.cost}
            for remedy in (sorted(infeasible.remedies, key=lambda r: (r.cost, r.text)) if infeasible else ())
        ],
        "undecided": outcome.reason if isinstance(outcome, OutOfEffort) else None,
    }


def advised(advice: tuple[Advice, ...] | None) -> list[Entry] | None:
    """What few bytes or slots would change; ``None`` where nobody asked."""
    if advice is None:
        return None
    return [
        {
            "kind": one.kind,
            "subject": one.subject,
            "memory": one.memory,
            "amount": one.amount,
            "saves": one.saves,
            "text": one.text,
        }
        for one in advice
    ]


def notes(system: System, body: Entry) -> list[Entry]:
    """What a reader must know and no number says."""
    told: list[Entry] = []
    if body["tasks"] and system.unit is not UnitName.NONE:
        missed = [task["name"] for task in body["tasks"] if not task["overflow_faults"]]
        here = f"not caught here: {', '.join(missed)}" if missed else "here each stack is the lowest of its partition"
        text = f"only the lowest stack's overflow faults without PSPLIM; {here}"
        told.append({"code": "stack-guard", "text": text})
    if not system.isolation:
        text = "no protection unit is programmed: every component can reach all memory"
        told.append({"code": "no-isolation", "text": text})
    if Isolation.SOFTWARE in system.isolation:
        text = "the compiler's word is taken for its bounds checks; machine code that it did not make is not bounded"
        if system.unit is UnitName.NONE:
            text = f"no protection unit is programmed, the checks alone keep components apart: {text}"
        told.append({"code": "software-bounds", "text": text})
    if system.target.caveat is not None:
        told.append({"code": "chip-unverified", "text": system.target.caveat})
    excess = [entry["name"] for entry in body["peripherals"] if entry["excess"]]
    if excess:
        told.append(
            {"code": "excess", "text": f"regions reach beyond the peripherals {', '.join(excess)}, as accepted"}
        )
    masters = [p.name for p in system.peripherals if p.bus_master]
    granted = {entry["name"] for entry in body["peripherals"]}
    if any(name in granted for name in masters):
        names = ", ".join(name for name in masters if name in granted)
        told.append({"code": "dma", "text": f"{names} can change memory past the regions, by DMA or by command"})
    return told
