"""``check_plan``: the obligations on a plan, each decided by Z3 and by enumeration, which must agree."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from layoutplan.address import AddressRange
from layoutplan.check import placed, registers, rules, script
from layoutplan.check.facts import Facts, PlacedBlock, facts_of
from layoutplan.check.permits import Interval
from layoutplan.check.prove import Answer, decide
from layoutplan.check.units import UnitReading, reading_of
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding, Verdict
from layoutplan.model.memory import Target
from layoutplan.model.plan import Plan, Words

Grants = tuple[tuple[AddressRange, Access], ...]
Registers = Mapping[str, tuple[Words, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One question with the enumeration's answer (no findings is yes) and the text that asks a solver the same."""

    query: script.Query
    findings: tuple[Finding, ...]


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
        return structural_verdict(structural, found)
    facts = facts_of(system, blocks)
    words = {partition: registers.words_of(system, plan, partition) for partition in facts.partitions}
    grants = {partition: _grants(plan, blocks, partition) for partition in facts.partitions}
    return prove_isolation(system, facts, words, grants, structural, found)


def prove_isolation(
    system: System,
    facts: Facts,
    words: Registers,
    grants: Mapping[str, Grants] | None,
    structural: Sequence[str],
    found: Sequence[Finding],
) -> Verdict:
    """Obligations 1 to 4, and 7 where ``grants`` are given, from register words, joined to structural findings."""
    reading = reading_of(system.unit)
    obligations = tuple(obligations_of(reading, system.target, facts, words, grants))
    text = (
        reading.text.constants(system.target)
        + script.prelude(reading.text.prelude)
        + definitions_of(reading, system.target, facts, words)
    )
    seams = [f for p in facts.partitions for f in _seams(reading, system.target, p, words[p], facts)]
    found = [*found, *seams]
    expected = expected_obligations(len(facts.partitions), typed=reading.typed, exact=grants is not None)
    if len(obligations) != expected:
        message = f"{len(obligations)} obligations were generated where the manifest makes {expected}"
        found.append(Finding(rule="obligation-count", message=message))
    asked = [q for o in obligations for q in (o.query.asserted, o.query.control)]
    asked += [script.witnesses(partition, facts) for partition in facts.partitions]
    answers = decide(text, asked)
    return _verdict([*structural, *(["seam"] * len(facts.partitions))], found, obligations, answers, facts.partitions)


def structural_verdict(structural: Sequence[str], found: Sequence[Finding]) -> Verdict:
    """The verdict where there are no registers to speak of: isolation is off, or the table cannot be read."""
    return _verdict(structural, found, (), ())


def expected_obligations(partitions: int, *, typed: bool, exact: bool) -> int:
    """How many obligations the manifest makes, counted without generating them: one W^X, the rest per partition."""
    per_partition = len(("well-formed", "isolation", "availability", "kernel-access"))
    return 1 + partitions * (per_partition + typed + exact)


def definitions_of(reading: UnitReading, target: Target, facts: Facts, words: Registers) -> str:
    """The words of every partition as SMT-LIB functions, with needs and owners."""
    units = {p: reading.text.functions(p, words[p], target) for p in facts.partitions}
    return script.definitions(facts, units)


def obligations_of(
    reading: UnitReading, target: Target, facts: Facts, words: Registers, grants: Mapping[str, Grants] | None
) -> Iterator[Obligation]:
    """Every obligation, by partition, then W^X over all."""
    permitted: dict[str, tuple[Interval, ...]] = {}
    decoder, text = reading.decoder, reading.text
    for partition in facts.partitions:
        pairs = words[partition]
        intervals = permitted[partition] = decoder.intervals(pairs, target)
        needs = facts.needs_of(partition)
        bad = text.malformed([text.malformed_pair], target)[0]
        yield Obligation(
            query=script.well_formed(partition, text.malformed(pairs, target), bad),
            findings=tuple(
                Finding(rule="well-formed", partition=partition, message=f"slot {slot}: {reason}")
                for slot, reason in decoder.malformed(pairs, target)
            ),
        )
        yield Obligation(
            query=script.isolation(partition, needs[0] if needs else None),
            findings=tuple(rules.isolation(partition, intervals, facts)),
        )
        yield Obligation(
            query=script.availability(partition),
            findings=tuple(rules.availability(partition, intervals, facts)),
        )
        yield Obligation(
            query=script.kernel_access(partition),
            findings=tuple(rules.kernel_access(partition, intervals, decoder, facts)),
        )
        if reading.typed:
            yield Obligation(
                query=script.memory_types(partition, facts),
                findings=tuple(rules.memory_types(partition, intervals, decoder, facts)),
            )
        if grants is not None:
            yield Obligation(
                query=script.exactness(partition, grants[partition]),
                findings=tuple(rules.exactness(partition, intervals, grants[partition])),
            )
    yield Obligation(
        query=script.write_xor_execute(facts),
        findings=tuple(rules.write_xor_execute(permitted, facts.aliases)),
    )


def _seams(
    reading: UnitReading, target: Target, partition: str, words: tuple[Words, ...], facts: Facts
) -> Iterator[Finding]:
    intervals = reading.decoder.intervals(words, target)
    return rules.seams(partition, intervals, facts, code_is_whole=reading.code_is_whole)


def _grants(plan: Plan, blocks: tuple[PlacedBlock, ...], partition: str) -> Grants:
    """What the plan says it grants: ranges from the plan, rights from the manifest."""
    rights = {block.name: block.rights.get(partition, Access.NONE) for block in blocks}
    granted = [(p.granted, rights.get(p.block.name, Access.NONE)) for p in plan.placements]
    granted += [(piece, Access.RW) for g in plan.peripherals if g.partition == partition for piece in g.cover]
    return tuple((range_, access) for range_, access in granted if access)


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
        (asserted, witness), (control, _) = answers[2 * index], answers[2 * index + 1]
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
