"""Every single-bit flip of every register word in an image, classed by what the checker says of it.

The rule that compares words with the plan is off: what is left must still notice, or the bit must not matter. *Don't
care* is a closed list of fields, each with the sentence of the manual that says so.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from layoutplan.address import AddressRange
from layoutplan.check.elf.image import ElfImage
from layoutplan.check.image.parts import image_parts
from layoutplan.check.owners.facts import Facts, facts_of
from layoutplan.check.proof import rules
from layoutplan.check.proof.units import UnitReading, reading_for
from layoutplan.check.switch.execution import execute
from layoutplan.check.switch.table import RegionTable, read_table
from layoutplan.check.verify import grants_of
from layoutplan.check.words.permits import Interval
from layoutplan.model.access import Access, UnitName
from layoutplan.model.component import System
from layoutplan.model.plan import Words


class FlipClass(enum.StrEnum):
    """What becomes of an image with one bit flipped."""

    MALFORMED = "malformed"
    REFUTED = "refuted"
    ATTRIBUTE = "attribute-changed"
    DONT_CARE = "don't-care"
    MISSED = "missed"
    """None of the others: the checker has a hole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One flipped bit: table symbol, byte offset of the word, bit, class, and the rule or sentence that gave it."""

    symbol: str
    offset: int
    bit: int
    outcome: FlipClass
    reason: str


@dataclass(frozen=True, slots=True)
class _Image:
    system: System
    facts: Facts
    reading: UnitReading
    grants: Mapping[str, tuple[tuple[AddressRange, Access], ...]]
    intervals: Mapping[str, tuple[Interval, ...]]
    words: Mapping[str, tuple[Words, ...]]


def classify_flips(image: ElfImage, system: System) -> tuple[Flip, ...]:
    """All flips of ``LP_STATIC``, ``LP_DYNAMIC`` and, on PMP, ``LP_DYNAMIC_CFG``. The image itself must hold."""
    table, _ = read_table(image, system)
    if table is None:
        raise ValueError("the image has no table that can be read")
    parts = image_parts(system, image)
    facts = facts_of(system, parts.blocks, parts.kernel)
    reading = reading_for(system)
    words = {p: execute(system, table, i)[0] for i, p in enumerate(facts.partitions)}
    good = _Image(
        system,
        facts,
        reading,
        grants_of(facts, table, []),
        {p: reading.decoder.intervals(pairs, system.target) for p, pairs in words.items()},
        words,
    )
    return tuple(_all(good, table))


def _all(good: _Image, table: RegionTable) -> Iterator[Flip]:
    for index, pair in enumerate(table.static):
        for half in range(2):
            for bit in range(32):
                static = (*table.static[:index], _flipped(pair, half, bit), *table.static[index + 1 :])
                yield _classed(good, replace(table, static=static), "LP_STATIC", 8 * index + 4 * half, bit)
    rows = len(table.dynamic[0])
    for owner, pairs in enumerate(table.dynamic):
        for index, pair in enumerate(pairs):
            for half in range(2):
                for bit in range(32):
                    changed = (*pairs[:index], _flipped(pair, half, bit), *pairs[index + 1 :])
                    dynamic = (*table.dynamic[:owner], changed, *table.dynamic[owner + 1 :])
                    offset = 8 * (owner * rows + index) + 4 * half
                    yield _classed(good, replace(table, dynamic=dynamic), "LP_DYNAMIC", offset, bit)
    for owner, configs in enumerate(table.dynamic_cfg):
        for index, word in enumerate(configs):
            for bit in range(32):
                changed_word = (*configs[:index], word ^ 1 << bit, *configs[index + 1 :])
                dynamic_cfg = (*table.dynamic_cfg[:owner], changed_word, *table.dynamic_cfg[owner + 1 :])
                offset = 4 * (owner * len(configs) + index)
                yield _classed(good, replace(table, dynamic_cfg=dynamic_cfg), "LP_DYNAMIC_CFG", offset, bit)


def _flipped(pair: Words, half: int, bit: int) -> Words:
    return (pair[0] ^ 1 << bit, pair[1]) if half == 0 else (pair[0], pair[1] ^ 1 << bit)


def _classed(good: _Image, table: RegionTable, symbol: str, offset: int, bit: int) -> Flip:
    outcome, reason = _outcome(good, table)
    return Flip(symbol=symbol, offset=offset, bit=bit, outcome=outcome, reason=reason)


def _outcome(good: _Image, table: RegionTable) -> tuple[FlipClass, str]:
    refuted = typed = ""
    changed: list[str] = []
    permitted = dict(good.intervals)
    for index, partition in enumerate(good.facts.partitions):
        words, broken = execute(good.system, table, index)
        if broken.findings and not refuted:
            refuted = f"transition: {broken.findings[0].message}"
        if words == good.words[partition]:
            continue
        changed.append(partition)
        malformed = next(iter(good.reading.decoder.malformed(words, good.system.target)), None)
        if malformed:
            return FlipClass.MALFORMED, malformed[1]
        intervals = permitted[partition] = good.reading.decoder.intervals(words, good.system.target)
        for finding in _broken(good, partition, intervals):
            if finding[0] != "memory-type":
                refuted = refuted or f"{finding[0]}: {finding[1]}"
            else:
                typed = typed or finding[1]
    for crossed in rules.write_xor_execute(permitted, good.facts.aliases):
        refuted = refuted or f"{crossed.rule}: {crossed.message}"
    if refuted:
        return FlipClass.REFUTED, refuted
    if typed:
        return FlipClass.ATTRIBUTE, typed
    if any(_decoded(good, permitted[p]) != _decoded(good, good.intervals[p]) for p in changed):
        return FlipClass.ATTRIBUTE, "another attribute, or other privileged rights, that the rules allow"
    for partition in changed:
        for slot, (before, after) in enumerate(zip(good.words[partition], _words(good, table, partition), strict=True)):
            if before != after:
                sentence = dont_care(good.system.unit, before, after, _next_is_tor(good, partition, slot))
                return (FlipClass.DONT_CARE, sentence) if sentence else (FlipClass.MISSED, f"slot {slot}")
    return FlipClass.MISSED, "no register changed"


def _words(good: _Image, table: RegionTable, partition: str) -> tuple[Words, ...]:
    return execute(good.system, table, good.facts.partitions.index(partition))[0]


def _next_is_tor(good: _Image, partition: str, slot: int) -> bool:
    words = good.words[partition]
    return slot + 1 < len(words) and words[slot + 1][1] >> 3 & 3 == 1


def _broken(good: _Image, partition: str, intervals: tuple[Interval, ...]) -> Iterator[tuple[str, str]]:
    facts, decoder = good.facts, good.reading.decoder
    for finding in rules.isolation(partition, intervals, facts):
        yield finding.rule, finding.message
    for finding in rules.availability(partition, intervals, facts):
        yield finding.rule, finding.message
    for finding in rules.exactness(partition, intervals, good.grants[partition]):
        yield "LP_GRANTS", finding.message
    for finding in rules.kernel_access(partition, intervals, decoder, facts):
        yield finding.rule, finding.message
    for finding in rules.kernel_confined(partition, intervals, facts) if good.reading.confined else ():
        yield finding.rule, finding.message
    for finding in rules.seams(partition, intervals, [need for need in facts.needs_of(partition) if need.whole]):
        yield finding.rule, finding.message
    if good.reading.typed:
        for finding in rules.memory_types(partition, intervals, decoder, facts):
            yield finding.rule, finding.message


def _decoded(good: _Image, intervals: tuple[Interval, ...]) -> list[tuple[AddressRange, Access, Access, int]]:
    parts = [(i.range, i.user, i.privileged, i.attribute) for i in intervals]
    if good.system.unit is not UnitName.PMP:
        return parts
    # An entry without rights and without a lock denies what U-mode may not do anyway, and binds nobody else; with
    # Smepmp it denies M-mode too, as MMWP does where no entry matches.
    unmatched = Access.NONE if good.reading.confined else Access.RW | Access.EXECUTE
    return [part for part in parts if part[1] or part[2] != unmatched]


def dont_care(unit: UnitName, before: Words, after: Words, next_is_tor: bool) -> str:
    """The manual's sentence by which the difference of two pairs, whose decoded maps are equal, cannot matter."""
    first, second = before[0] ^ after[0], before[1] ^ after[1]
    match unit:
        case UnitName.ARMV6M | UnitName.ARMV7M:
            if not before[1] & 1 and not after[1] & 1:
                return (
                    "MPU_RASR.ENABLE is 0: the region is disabled and its other fields are ignored (DDI 0403, B3.5.9)"
                )
            if not first and second == 1 << 24 and before[1] >> 25 & 3 == 0b11:
                return "AP 0b110 and 0b111 both are read-only at any privilege (DDI 0403, table B3-15)"
            if before[1] & after[1] & 1:
                return "a higher-numbered region decides every byte that the change concerns (DDI 0403, B3.5.3)"
        case UnitName.ARMV8M:
            if not before[1] & 1 and not after[1] & 1:
                return "MPU_RLAR.EN is 0: the region is disabled and its other fields are ignored (DDI 0553, MPU_RLAR)"
        case UnitName.PMP:
            off = not before[1] >> 3 & 3 and not after[1] >> 3 & 3
            if off and not (first and next_is_tor):
                return "pmpcfg.A is OFF: the entry matches nothing, and no TOR entry follows (Privileged 1.12, 3.7.1)"
            if not after[1] & 0x87:
                return (
                    "an unlocked entry without rights permits U-mode what no entry does: nothing (Privileged 1.12, 3.7)"
                )
            return "a lower-numbered entry decides every byte that the change concerns (Privileged 1.12, 3.7.1)"
        case _:
            pass
    return ""
