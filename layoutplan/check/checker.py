"""``check_plan``: the obligations on a plan, each decided by Z3 and by enumeration, which must agree."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

from layoutplan.address import ADDRESS_SPACE_END
from layoutplan.check import registers
from layoutplan.check.owners import placed
from layoutplan.check.owners.facts import PlacedBlock, facts_of
from layoutplan.check.proof import script
from layoutplan.check.proof.case import (
    Case,
    Grants,
    Obligation,
    definitions,
    expected_obligations,
    head,
    obligations_of,
)
from layoutplan.check.proof.prove import Answer, decide
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding, Verdict
from layoutplan.model.plan import Plan


def check_plan(system: System, plan: Plan) -> Verdict:
    """Decide whether ``plan`` keeps what ``system`` asks; nothing in the plan is believed.

    Never raises for a bad plan: everything wrong is a finding that names rule, partition and address.
    """
    blocks, findings = placed.placed_blocks(system, plan)
    found = [*findings, *placed.structure(system, plan, blocks)]
    structural = list(placed.RULES)
    unit = system.unit
    if plan.unit is not unit:
        found.append(Finding(rule="unit", message=f"the plan is for {plan.unit.value}, the manifest for {unit.value}"))
    structural.append("unit")
    if plan.isolation != system.isolation:
        found.append(Finding(rule="unit", message="the plan and the manifest ask for different isolation"))
    structural += registers.RULES
    found += registers.structure(system, plan)
    if unit is UnitName.NONE:
        return prove(Case(system=system, structural=tuple(structural), found=tuple(found)))
    facts = facts_of(system, blocks)
    return prove(
        Case(
            system=system,
            structural=tuple(structural),
            found=tuple(found),
            facts=facts,
            words={partition: registers.words_of(system, plan, partition) for partition in facts.partitions},
            grants={partition: _grants(plan, blocks, partition) for partition in facts.partitions},
        )
    )


def prove(case: Case) -> Verdict:
    """Decide every obligation of ``case`` by Z3 and by enumeration, and join the structural findings."""
    return replace(_proved(case), untraced=case.untraced, caveat=case.system.target.caveat)


def _proved(case: Case) -> Verdict:
    obligations = tuple(obligations_of(case))
    found = list(case.found)
    if case.facts is None or not obligations:
        return _verdict(case.structural, found, (), ())
    if len(obligations) != expected_obligations(case):
        message = f"{len(obligations)} obligations were generated where the manifest makes {expected_obligations(case)}"
        found.append(Finding(rule="obligation-count", message=message))
    partitions = case.facts.partitions
    text = head(case) + script.common(case.facts)
    text += "".join(definitions(case, partition) for partition in partitions)
    text += "".join(obligation.definitions for obligation in obligations)
    asked = [o.query.asserted for o in obligations] + [o.query.control for o in obligations]
    asked += [script.witnesses(partition, case.facts) for partition in partitions]
    return _verdict(case.structural, found, obligations, decide(text, asked, witnessed=len(obligations)), partitions)


def _grants(plan: Plan, blocks: tuple[PlacedBlock, ...], partition: str) -> Grants:
    """What the plan says it grants: ranges from the plan, rights from the manifest."""
    rights = {block.name: block.rights.get(partition, Access.NONE) for block in blocks}
    granted = [(p.granted, rights.get(p.block.name, Access.NONE)) for p in plan.placements]
    granted += [(piece, Access.RW) for g in plan.peripherals if g.partition == partition for piece in g.cover]
    # What ends above the address space is refused as outside its memory; no literal holds it.
    return tuple((range_, access) for range_, access in granted if access and range_.end <= ADDRESS_SPACE_END)


def _verdict(
    structural: Sequence[str],
    found: Sequence[Finding],
    obligations: Sequence[Obligation],
    answers: Sequence[tuple[Answer, int | None]],
    partitions: Sequence[str] = (),
) -> Verdict:
    findings = list(found)
    unknown: list[str] = []
    broken_rules = {finding.rule for finding in found}
    proved = sum(1 for rule in structural if rule not in broken_rules)
    starved = {f.partition for obligation in obligations for f in obligation.findings if f.rule == "availability"}
    for index, obligation in enumerate(obligations):
        (asserted, witness), (control, _) = answers[index], answers[len(obligations) + index]
        disagreements = list(_disagreements(obligation, asserted, witness, control, starved))
        findings += (*obligation.findings, *disagreements)
        if Answer.UNKNOWN in (asserted, control):
            unknown.append(obligation.query.name)
        elif asserted is Answer.UNSAT and not obligation.findings and not disagreements:
            proved += 1
    refuted = {f.partition for f in findings if f.rule in ("isolation", "availability")}
    for partition, (answer, _) in zip(partitions, answers[2 * len(obligations) :], strict=True):
        if answer is Answer.UNKNOWN:
            unknown.append(f"witnesses.{partition}")
        elif answer is Answer.SAT:
            proved += 1
        elif partition not in refuted:
            message = "a witness fails: some need is not permitted, or some foreign owner not denied, at its edge"
            findings.append(Finding(rule="vacuous", partition=partition, message=message))
    return Verdict(
        obligations=len(structural) + len(obligations) + len(partitions),
        proved=proved,
        findings=tuple(sorted(set(findings), key=_order)),
        unknown=tuple(sorted(unknown)),
    )


def _disagreements(
    obligation: Obligation, asserted: Answer, witness: int | None, control: Answer, starved: Container[str]
) -> Iterator[Finding]:
    rule, partition = obligation.query.rule, obligation.query.partition
    # A partition that reaches nothing of its own has nothing that a control could find; that is reported as such.
    if control is Answer.UNSAT and partition not in starved:
        message = f"the negative control of `{obligation.query.name}` was not found: the obligation says nothing"
        yield Finding(rule="vacuous", partition=partition, message=message)
    if asserted is Answer.UNKNOWN:
        return
    # What is not determined at all (a store to no slot) has no words for a solver to compare.
    if rule == "transition" and asserted is Answer.UNSAT:
        return
    if (asserted is Answer.UNSAT) != (not obligation.findings):
        message = (
            f"Z3 says {asserted.value} for `{obligation.query.name}`, the enumeration finds {len(obligation.findings)}"
        )
        yield Finding(rule="methods-disagree", partition=partition, message=message)
    elif asserted is Answer.SAT and witness is not None and rule != "write-xor-execute":
        ranges = [f.range for f in obligation.findings if f.range is not None]
        if ranges and all(witness not in range_ for range_ in ranges):
            message = f"Z3's counterexample {witness:#x} for `{obligation.query.name}` is not among the enumeration's"
            yield Finding(rule="methods-disagree", partition=partition, message=message)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return (finding.range.base if finding.range else -1, finding.rule, finding.partition, finding.message)
