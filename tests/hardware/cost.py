"""What a switch costs, by stores and by instructions that QEMU counts. Instructions are not cycles.

``python -m tests.hardware.cost`` prints the table of ``samples/switch_tcb/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.hardware import tracing
from tests.hardware.build import Image, image
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.steps import Operation, Step

INSTRUCTIONS_PER_COUNT = {"an385": 40, "an386": 40, "an505": 50, "virt": 1}
"""QEMU's clock moves a nanosecond an instruction; the boards' timers count at 25 and 20 MHz, ``minstret`` exactly."""

ROUNDS = 400
PAIR = ("alpha", "bravo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One row: how many slots a switch rewrites, what it stores, and how many instructions isolation adds to it."""

    slots: int
    stores: int
    added: float


def pair(machine: Machine, shares: int, *, isolation: str = "mpu") -> str:
    """Two partitions with so many shares between them: each share takes one slot more."""
    accept = 'accept = ["no-isolation"]' if isolation == "none" else ""
    text = f'manifest-version = 1\nisolation = "{isolation}"\n\n[target]\nchip = "{machine.chip}"\n\n[kernel]\n'
    text += 'sizes = { bss = "384K" }\n'
    for name in PAIR:
        text += f'\n[component.{name}]\nobjects = ["${{{name}}}"]\nentry = "{name}_main"\nstack = 512\n'
        text += f'trust = "untrusted"\n{accept}\n'
    for number in range(shares):
        text += f'\n[shared.s{number}]\nsize = 256\naccess = {{ alpha = "rw", bravo = "r" }}\n'
    return text


def instructions(found: Image) -> float:
    """Instructions of one round: the first task yields, the others ask for work and yield, and it runs again."""
    steps = [Step(task=0, operation=Operation.YIELDS, value=count) for count in (10, ROUNDS, 2 * ROUNDS)]
    outcomes, run = found.attack(steps)
    assert run.status == 0, run.talk
    first, second, third = (outcome.clock for outcome in outcomes)
    # The difference of two runs of different length leaves nothing but rounds.
    return ((third - second) - (second - first)) * INSTRUCTIONS_PER_COUNT[found.machine.name] / ROUNDS


def rows(machine: Machine) -> list[Cost]:
    """One row for each number of dynamic slots that the manifests lead to."""
    without = instructions(image(machine, pair(machine, 0, isolation="none"), PAIR))
    found = {}
    for shares in range(7):
        built = image(machine, pair(machine, shares), PAIR)
        slots = built.plan.slots.dynamic
        stores = len(tracing.switch(built.plan, "alpha"))
        if slots <= 8:
            added = (instructions(built) - without) / len(PAIR)
            found[slots] = Cost(slots=slots, stores=stores, added=added)
    return [found[slots] for slots in sorted(found)]


def table() -> str:
    """Markdown."""
    lines = ["| machine | slots rewritten | stores | instructions that isolation adds |", "|---|---|---|---|"]
    lines += (
        f"| {machine.name} | {row.slots} | {row.stores} | {row.added:.0f} |"
        for machine in (AN385, AN505, VIRT)
        for row in rows(machine)
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - this is the command's output
