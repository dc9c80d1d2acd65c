"""Generated manifests: each is planned, linked, booted, and attacked on both sides of every edge of every region."""

from __future__ import annotations

import os
from itertools import chain, count

import pytest

from layoutplan.model.plan import Infeasible, OutOfEffort
from tests.hardware import attacks
from tests.hardware.build import NoPlan, image
from tests.hardware.machines import AN385, AN505, ARMV6M_ON_AN385, VIRT, VIRT_SMEPMP, Machine
from tests.hardware.manifests import generated
from tests.hardware.scene import Scene, scene
from tests.hardware.verdict import tried
from tests.toolchain import IN_CI

IMAGES = int(os.environ.get("LAYOUTPLAN_RANDOM_IMAGES", "50" if IN_CI else "5"))
GROUPS = 5
"""So many tests share the images of a machine, so that two workers share the work."""


RANDOM = (ARMV6M_ON_AN385, AN385, AN505, VIRT, VIRT_SMEPMP)
FEWER = (ARMV6M_ON_AN385, VIRT_SMEPMP)
"""A tenth of the images: the Cortex-M3's MPU stands in for Armv6-M's, and Smepmp leaves partitions' entries alone."""


@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("machine", RANDOM, ids=lambda machine: str(machine.name))
def test_generated_manifests_hold(machine: Machine, group: int) -> None:
    built = refused = 0
    wanted = max(1, IMAGES // GROUPS // (10 if machine in FEWER else 1))
    for seed in count(1000 * group):
        found = attempted(machine, seed)
        if isinstance(found, Scene):
            attempts = list(chain(attacks.edges(found), attacks.registers(found)))
            assert any(attempt.denied for attempt in attempts)
            assert tried(found, attempts) == {}, f"seed {seed}"
            built += 1
        else:
            assert isinstance(found, Infeasible), f"seed {seed}: {found}"
            refused += 1
        assert refused <= 2 + built, f"seed {seed}: most manifests have no plan"
        if built >= wanted:
            return


def attempted(machine: Machine, seed: int) -> Scene | Infeasible | OutOfEffort:
    """The image of a generated manifest, or why it has no plan."""
    try:
        return scene(image(machine, *generated(machine, seed)))
    except NoPlan as error:
        return error.outcome
