"""``layoutplan selftest``: the sabotage corpus on the solver that is installed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from layoutplan.check.checker import check_plan
from layoutplan.check.elf.image import ElfImage, parse_image
from layoutplan.check.proof.lemmas import lemmas
from layoutplan.check.proof.prove import Answer, decide
from layoutplan.check.sabotage import lockdown, reference, reference_image, reference_objects
from layoutplan.check.sabotage.broken_images import IMAGES
from layoutplan.check.sabotage.defects import DEFECTS
from layoutplan.check.sabotage.flips import FlipClass, classify_flips
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.lockdown import LOCKDOWN
from layoutplan.check.sabotage.naming import named
from layoutplan.check.sabotage.plans import Sabotage
from layoutplan.check.sabotage.registers import REGISTERS
from layoutplan.check.sabotage.structure import STRUCTURE
from layoutplan.check.sabotage.writer import Image
from layoutplan.check.verify import verify_elf
from layoutplan.model.access import UnitName
from layoutplan.model.component import System
from layoutplan.model.evidence import Verdict
from layoutplan.model.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestRow:
    """One line: the unit, what was broken (``""`` for a good one), the rule that must say so, whether all is well."""

    unit: UnitName
    name: str
    rule: str
    passed: bool
    detail: str = ""


def selftest(units: Iterable[UnitName] = reference.UNITS) -> Iterator[SelftestRow]:
    """Good plans and images must hold, broken ones must be caught by their rule, lemmas proved, flips classed."""
    for unit in units:
        yield from _good(unit)
        yield from _plans(unit)
        yield from _images(unit)
        for how, system, _, image in _ways(unit):
            yield from _flips(unit, how, system, image)
            yield from _lemmas(unit, how, system)


def _ways(unit: UnitName) -> Iterator[tuple[str, System, Plan, ElfImage]]:
    """The reference, and on PMP the same with Smepmp."""
    system, plan = reference.system(unit), reference.plan(unit)
    yield "", system, plan, parse_image(reference_image.image(unit).elf(), "reference")
    if unit is UnitName.PMP:
        image = parse_image(lockdown.image().elf(), "reference")
        yield "Smepmp: ", lockdown.system(system), lockdown.plan(plan), image


def _good(unit: UnitName) -> Iterator[SelftestRow]:
    for how, system, plan, image in _ways(unit):
        for name, verdict in (
            ("a good plan", check_plan(system, plan)),
            ("a good image", verify_elf(image, system, None, reference_objects.objects(unit))),
        ):
            detail = f"{verdict.proved} of {verdict.obligations} obligations"
            yield SelftestRow(unit=unit, name=how + name, rule="", passed=verdict.holds, detail=detail)


def _plans(unit: UnitName) -> Iterator[SelftestRow]:
    for sabotage in (*STRUCTURE, *REGISTERS, *DEFECTS, *LOCKDOWN):
        if unit in sabotage.units:
            verdict = check_plan(*sabotage.breaks(reference.system(unit), reference.plan(unit)))
            yield _caught(unit, sabotage, verdict)


def _images(unit: UnitName) -> Iterator[SelftestRow]:
    for sabotage in IMAGES:
        if unit in sabotage.units:
            broken = reference_image.image(unit)
            sabotage.breaks(broken)
            plan = reference.plan(unit) if sabotage.against_plan else None
            system = sabotage.asks(reference.system(unit))
            verdict = verify_elf(parse_image(broken.elf(), "broken"), system, plan, reference_objects.objects(unit))
            yield _caught(unit, sabotage, verdict, broken)


def _caught(
    unit: UnitName, sabotage: Sabotage | ImageSabotage, verdict: Verdict, image: Image | None = None
) -> SelftestRow:
    muddled = {f.rule for f in verdict.findings} & {"methods-disagree", "obligation-count"}
    passed = bool(named(verdict, sabotage, unit, image)) and not muddled
    detail = ", ".join(sorted({f.rule for f in verdict.findings}))
    return SelftestRow(unit=unit, name=sabotage.name, rule=sabotage.rule, passed=passed, detail=detail)


def _flips(unit: UnitName, how: str, system: System, image: ElfImage) -> Iterator[SelftestRow]:
    flips = classify_flips(image, system)
    counts = {outcome: sum(1 for flip in flips if flip.outcome is outcome) for outcome in FlipClass}
    detail = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items())
    missed = counts[FlipClass.MISSED]
    yield SelftestRow(
        unit=unit, name=f"{how}each bit flipped", rule="", passed=bool(flips) and not missed, detail=detail
    )


def _lemmas(unit: UnitName, how: str, system: System) -> Iterator[SelftestRow]:
    for lemma in lemmas(unit, system.target):
        answers = [answer for answer, _ in decide(lemma.definitions, [lemma.asserted, lemma.control])]
        detail = " and ".join(answer.value for answer in answers)
        passed = answers == [Answer.UNSAT, Answer.SAT]
        yield SelftestRow(unit=unit, name=f"{how}lemma {lemma.name}", rule="", passed=passed, detail=detail)
