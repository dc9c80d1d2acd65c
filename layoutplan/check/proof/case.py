"""Everything that one check asks: words, facts, structural findings, and the obligations made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from layoutplan.address import AddressRange
from layoutplan.check.owners.facts import Facts
from layoutplan.check.proof import rules, script
from layoutplan.check.proof.transition import transition
from layoutplan.check.proof.units import UnitReading, reading_for
from layoutplan.check.switch.execution import Switch
from layoutplan.check.words.permits import Interval
from layoutplan.model.access import Access
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding
from layoutplan.model.plan import Words

Grants = tuple[tuple[AddressRange, Access], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One check. ``structural`` are the rules already decided, ``found`` what they found.

    ``words`` is empty where there are no registers to speak of: isolation is off, or the table cannot be read.
    """

    system: System
    structural: tuple[str, ...]
    found: tuple[Finding, ...]
    facts: Facts | None = None
    words: Mapping[str, tuple[Words, ...]] = field(default_factory=dict)
    grants: Mapping[str, Grants] = field(default_factory=dict)
    switches: Mapping[str, Switch] = field(default_factory=dict)
    linked: bool = False
    """Whether it is about an image, in which there are switches to follow."""
    untraced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One question with the enumeration's answer (no findings is yes) and the text that asks a solver the same.

    ``partitions`` are those whose definitions the text uses; ``definitions`` are its own.
    """

    query: script.Query
    findings: tuple[Finding, ...]
    partitions: tuple[str, ...]
    definitions: str = ""


def _reading(case: Case) -> UnitReading:
    return reading_for(case.system)


def head(case: Case) -> str:
    """The unit's prelude behind the constants that it needs."""
    reading = _reading(case)
    return reading.text.constants(case.system.target) + script.prelude(reading.text.prelude)


def definitions(case: Case, partition: str) -> str:
    """One partition's words, needs and owners."""
    assert case.facts is not None
    text = _reading(case).text
    unit = text.functions(partition, case.words[partition], case.system.target)
    return script.definitions(case.facts, partition, unit)


def intervals_of(case: Case, partition: str) -> tuple[Interval, ...]:
    """What one partition's words permit."""
    return _reading(case).decoder.intervals(case.words[partition], case.system.target)


def expected_obligations(case: Case) -> int:
    """How many obligations the manifest makes, counted without generating them: one W^X, the rest per partition."""
    typed = len([unit for unit in ("armv6m", "armv7m", "armv8m") if unit == case.system.unit.value])
    each = len(("well-formed", "isolation", "availability", "kernel-access", "seam")) + typed
    each += len(("exactness",)) + (len(("transition",)) if case.linked else 0)
    each += len(("kernel-confined",)) if case.system.smepmp else 0
    return 1 + len(case.system.partitions) * each


def obligations_of(case: Case) -> Iterator[Obligation]:
    """Every obligation, by partition, then W^X over all."""
    facts = case.facts
    if facts is None or not case.words:
        return
    reading = _reading(case)
    for partition in facts.partitions:
        yield from _of_partition(case, facts, reading, partition)
    permitted = {partition: intervals_of(case, partition) for partition in facts.partitions}
    yield Obligation(
        query=script.write_xor_execute(facts),
        findings=tuple(rules.write_xor_execute(permitted, facts.aliases)),
        partitions=facts.partitions,
    )


def _of_partition(case: Case, facts: Facts, reading: UnitReading, partition: str) -> Iterator[Obligation]:
    decoder, text, target = reading.decoder, reading.text, case.system.target
    pairs = case.words[partition]
    intervals = intervals_of(case, partition)
    needs = facts.needs_of(partition)

    def obligation(query: script.Query, findings: Iterator[Finding], definitions: str = "") -> Obligation:
        return Obligation(query=query, findings=tuple(findings), partitions=(partition,), definitions=definitions)

    known_bad = text.malformed([text.malformed_pair], target)[0]
    malformed = (
        Finding(rule="well-formed", partition=partition, message=f"slot {slot}: {reason}")
        for slot, reason in decoder.malformed(pairs, target)
    )
    yield obligation(script.well_formed(partition, text.malformed(pairs, target), known_bad), malformed)
    yield obligation(
        script.isolation(partition, needs[0] if needs else None), rules.isolation(partition, intervals, facts)
    )
    yield obligation(script.availability(partition), rules.availability(partition, intervals, facts))
    yield obligation(script.kernel_access(partition), rules.kernel_access(partition, intervals, decoder, facts))
    if reading.confined:
        found = rules.kernel_confined(partition, intervals, facts)
        yield obligation(script.kernel_confined(partition, facts.kernel_needs[partition]), found)
    whole = [need for need in needs if need.whole or (reading.code_is_whole and Access.EXECUTE in need.access)]
    yield obligation(script.seams(partition, whole), rules.seams(partition, intervals, whole))
    if reading.typed:
        found = rules.memory_types(partition, intervals, decoder, facts)
        yield obligation(script.memory_types(partition, facts), found)
    if case.grants:
        granted = case.grants[partition]
        yield obligation(script.exactness(partition, granted), rules.exactness(partition, intervals, granted))
    if case.switches:
        switch = case.switches[partition]
        states, query = transition(case.system.unit, partition, switch.program, switch.kept, pairs)
        yield obligation(query, iter(switch.findings), states)
