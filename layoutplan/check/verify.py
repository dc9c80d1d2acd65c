"""``verify_image``: the obligations on a linked image. The words, addresses and sizes are those in the ELF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from layoutplan.address import AddressRange
from layoutplan.check import registers
from layoutplan.check.checker import prove
from layoutplan.check.elf.image import EM_ARM, EM_RISCV, ElfImage, read_image
from layoutplan.check.image import software
from layoutplan.check.image.parts import ImageParts, image_parts
from layoutplan.check.image.references import kernel_references
from layoutplan.check.image.rules import IMAGE_RULES, image_rules
from layoutplan.check.image.tracing import trace
from layoutplan.check.owners.facts import Facts, facts_of
from layoutplan.check.proof.case import Case, Grants
from layoutplan.check.switch.execution import Switch, execute
from layoutplan.check.switch.table import RegionTable, read_table
from layoutplan.model.access import Access, Isolation, Machine, UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Finding, Verdict
from layoutplan.model.plan import Plan, Words

RULES = ("machine", "sections", "memory", "disjoint", "symbols", "kernel-references", *IMAGE_RULES)


def verify_image(
    elf: Path, system: System, plan: Plan | None = None, *, objects: Mapping[str, bytes] | None = None
) -> Verdict:
    """Prove the image at ``elf`` against ``system``; with a ``plan``, also that it is the one planned.

    ``objects`` are the sealed objects by component, where the manifest names unsealed ones; input sections of
    components whose sealed object is at hand are followed to their final bytes. Everything wrong is a finding.
    ``BadInput`` when ``elf`` is not a linked ELF32 image.
    """
    return verify_elf(read_image(elf), system, plan, objects or {})


def verify_elf(
    image: ElfImage, system: System, plan: Plan | None = None, objects: Mapping[str, bytes] | None = None
) -> Verdict:
    """:func:`verify_image` for an image that was read."""
    return prove(image_case(image, system, plan, objects or {}))


def image_case(image: ElfImage, system: System, plan: Plan | None, objects: Mapping[str, bytes]) -> Case:
    """What there is to prove of an image, with everything that is decided without a solver."""
    found: list[Finding] = []
    machine = EM_ARM if system.target.machine is Machine.ARM else EM_RISCV
    if image.machine != machine:
        found.append(Finding(rule="machine", message=f"e_machine is {image.machine}, the target's is {machine}"))
    parts = image_parts(system, image)
    found += parts.findings
    structural = list(RULES)
    if plan is not None:
        structural.append("as-planned")
        found += _as_planned(plan, parts)
    traced = trace(system, image, parts, objects)
    structural += ["traced"] * len(traced.components)
    found += traced.findings
    found += kernel_references(system, image, parts, traced.functions)
    facts = facts_of(system, parts.blocks, parts.kernel)
    isolated = system.unit is not UnitName.NONE
    table = None
    if isolated:
        structural.append("table")
        table, table_findings = read_table(image, system)
        found += table_findings
    found += image_rules(system, image, parts, facts, table, traced.known)
    if Isolation.SOFTWARE in system.isolation:
        structural.append(software.RULE)
        found += software.image_bounds(system, image, parts)
    if table is None:
        return Case(
            system=system,
            structural=tuple(structural),
            found=tuple(found),
            facts=facts,
            linked=True,
            untraced=traced.untraced,
        )
    words: dict[str, tuple[Words, ...]] = {}
    switches: dict[str, Switch] = {}
    for index, partition in enumerate(facts.partitions):
        words[partition], switches[partition] = execute(system, table, index)
    if plan is not None:
        found += _words_as_planned(system, plan, words)
    grants = grants_of(facts, table, found)
    return Case(
        system=system,
        structural=tuple(structural),
        found=tuple(found),
        facts=facts,
        words=words,
        grants=grants,
        switches=switches,
        linked=True,
        untraced=traced.untraced,
    )


def _as_planned(plan: Plan, parts: ImageParts) -> Iterator[Finding]:
    for placement in plan.placements:
        for part in placement.block.parts:
            section = parts.sections.get(part.name)
            planned = placement.granted.base + part.offset
            if section is not None and (section.address != planned or section.size > part.size):
                message = f"`{part.name}` was planned as {part.size} B at {planned:#010x}"
                yield Finding(
                    rule="as-planned", partition=placement.block.partition, range=section.range, message=message
                )


def _words_as_planned(system: System, plan: Plan, words: Mapping[str, tuple[Words, ...]]) -> Iterator[Finding]:
    for partition, pairs in words.items():
        planned = registers.words_of(system, plan, partition)
        for slot, (pair, asked) in enumerate(zip(pairs, planned, strict=True)):
            if pair != asked:
                texts = [f"{a:#010x}, {b:#010x}" for a, b in (pair, asked)]
                message = f"slot {slot} ends as {texts[0]} where {texts[1]} was planned"
                yield Finding(rule="as-planned", partition=partition, message=message)


def grants_of(facts: Facts, table: RegionTable, found: list[Finding]) -> dict[str, Grants]:
    """``LP_GRANTS`` by partition: the kernel checks pointers against it, so it must say what the registers do."""
    told: dict[str, list[tuple[AddressRange, Access]]] = {partition: [] for partition in facts.partitions}
    for row in table.grants:
        if row.partition >= len(facts.partitions) or row.start >= row.end or row.rights > 7:
            found.append(
                Finding(rule="table", message=f"LP_GRANTS has a row {row.partition}, {row.start:#x}.. of nothing")
            )
            continue
        told[facts.partitions[row.partition]].append((AddressRange(row.start, row.end), Access(row.rights)))
    return {partition: tuple(rows) for partition, rows in told.items()}
