"""Everything that is broken one way is caught by the rule that is there for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layoutplan.check import check_plan
from layoutplan.check.elf.image import parse_image
from layoutplan.check.sabotage import reference, reference_image, reference_objects
from layoutplan.check.sabotage.broken_images import IMAGES, ImageSabotage
from layoutplan.check.sabotage.defects import DEFECTS, hole_punched
from layoutplan.check.sabotage.lockdown import LOCKDOWN
from layoutplan.check.sabotage.naming import named
from layoutplan.check.sabotage.plans import Sabotage
from layoutplan.check.sabotage.registers import REGISTERS
from layoutplan.check.sabotage.structure import STRUCTURE
from layoutplan.check.sabotage.writer import Image
from layoutplan.check.verify import verify_elf
from layoutplan.model.access import UnitName
from layoutplan.model.evidence import Verdict

# What the words of a unit do not touch is tried on one unit or two; `selftest` tries it on all.
BOTH = (UnitName.ARMV7M, UnitName.PMP)
PLANS: list[tuple[Sabotage, UnitName]] = [(s, UnitName.ARMV7M) for s in STRUCTURE]
# PMSAv6 is PMSAv7 with fewer fields and the same decoder: one in three of its cases.
V6 = [(s, UnitName.ARMV6M) for s in (*REGISTERS, *DEFECTS) if UnitName.ARMV6M in s.units]
PLANS += [(s, UnitName.PMP) for s in LOCKDOWN]
PLANS += [(s, unit) for s in (*REGISTERS, *DEFECTS) for unit in s.units if unit is not UnitName.ARMV6M] + V6[::3]
IMAGE_CASES = [(s, unit) for s in IMAGES for unit in s.units if unit in BOTH or s.units != reference.UNITS]


def caught(verdict: Verdict, sabotage: Sabotage | ImageSabotage, unit: UnitName, image: Image | None = None) -> None:
    assert not verdict.holds
    rules = {finding.rule for finding in verdict.findings}
    assert not rules & {"methods-disagree", "vacuous", "obligation-count"}, verdict.findings
    assert named(verdict, sabotage, unit, image), verdict.findings
    if sabotage.alone:
        assert rules == {sabotage.rule}, verdict.findings


@pytest.mark.parametrize(("sabotage", "unit"), PLANS, ids=[f"{unit}-{s.name}" for s, unit in PLANS])
def test_a_broken_plan_is_caught(sabotage: Sabotage, unit: UnitName) -> None:
    caught(check_plan(*sabotage.breaks(reference.system(unit), reference.plan(unit))), sabotage, unit)


@pytest.mark.parametrize(("sabotage", "unit"), IMAGE_CASES, ids=[f"{unit}-{s.name}" for s, unit in IMAGE_CASES])
def test_a_broken_image_is_caught(sabotage: ImageSabotage, unit: UnitName) -> None:
    image = reference_image.image(unit)
    sabotage.breaks(image)
    plan = reference.plan(unit) if sabotage.against_plan else None
    system, objects = sabotage.asks(reference.system(unit)), reference_objects.objects(unit)
    caught(verify_elf(parse_image(image.elf(), "broken.elf"), system, plan, objects), sabotage, unit, image)


def test_what_does_not_name_rule_partition_and_address_is_not_caught() -> None:
    unit = UnitName.ARMV7M
    sabotage = next(s for s in REGISTERS if s.name == "a region over a neighbour")
    verdict = check_plan(*sabotage.breaks(reference.system(unit), reference.plan(unit)))
    assert named(verdict, sabotage, unit)
    assert not named(verdict, replace(sabotage, rule="availability"), unit)
    assert not named(verdict, replace(sabotage, touching="mixer.data"), unit)
    assert not named(verdict, replace(sabotage, touching=None), unit)
    for partition in ("uart", ""):
        assert not named(verdict, replace(sabotage, partition=partition), unit)
    silent = replace(verdict, findings=tuple(replace(f, partition="", range=None) for f in verdict.findings))
    assert not named(silent, sabotage, unit)


@pytest.mark.parametrize("unit", [UnitName.ARMV6M, UnitName.ARMV7M, UnitName.PMP])
def test_a_deny_entry_that_decides_first_isolates(unit: UnitName) -> None:
    """The good twin of the cleared deny entry."""
    verdict = check_plan(reference.system(unit), hole_punched(reference.plan(unit), denied=True))
    assert verdict.holds, verdict.findings


def test_each_rule_has_a_sabotage_that_only_it_catches() -> None:
    from layoutplan.check import registers, verify
    from layoutplan.check.owners import placed

    rules = {"unit", "seam", "well-formed", "isolation", "availability", "kernel-access", "memory-type", "exactness"}
    rules |= {
        "kernel-confined",
        "write-xor-execute",
        "as-planned",
        "table",
        "transition",
        "traced",
        *placed.RULES,
        *registers.RULES,
        *verify.RULES,
    }
    plans = {s.rule for s in (*STRUCTURE, *REGISTERS, *DEFECTS, *LOCKDOWN) if s.alone}
    assert rules == plans | {s.rule for s in IMAGES if s.alone}
