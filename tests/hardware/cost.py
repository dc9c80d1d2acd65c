"""What a switch costs, by stores and by instructions that QEMU counts. Instructions are not cycles.

``python -m tests.hardware.cost`` prints the table of ``samples/switch_tcb/README.md``.
"""

from __future__ import annotations

import functools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.hardware import tracing
from tests.hardware.build import Image, NoPlan, image, prober
from tests.hardware.machines import AN385, AN505, VIRT, Machine
from tests.hardware.steps import Operation, Step

INSTRUCTIONS_PER_COUNT = {"armv6m": 40, "an385": 40, "an386": 40, "an505": 50, "virt": 1}
"""QEMU's clock moves a nanosecond an instruction; the boards' timers count at 25 and 20 MHz, ``minstret`` exactly."""

ROUNDS = 400
PAIR = ("alpha", "bravo")
MOST = 8
KNOWN = {"an385": "18, 26", "an505": "27, 28", "virt": "8 to 20"}
"""Stores of a switch in a process-loading kernel and in the kernel of a greedy multi-region tool, for eight slots, and
CSR writes of the former on RV32, as published. Both write all slots whatever the partition needs."""
FRAME = {"an385": 40, "an505": 40, "virt": 0}
"""Bytes that the planner adds to a stack for the exception frame."""

YIELDER = functools.partial(prober, program="yielder.rs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One row: how many slots a switch rewrites, its stores, instructions for them, and what isolation adds in all."""

    slots: int
    stores: int
    stretch: int
    added: float


def pair(machine: Machine, shares: int, *, code: str = "private", isolation: str = "mpu") -> str:
    """Two partitions with so many shares between them: each share takes one slot more.

    Where their code is shared, only their data and the shares are in slots that a switch rewrites.
    """
    trust = "verified" if code == "shared" else "untrusted"
    accept = 'accept = ["no-isolation"]' if isolation == "none" and trust == "untrusted" else ""
    text = f'manifest-version = 1\nisolation = "{isolation}"\n\n[target]\nchip = "{machine.chip}"\n\n[kernel]\n'
    text += f'sizes = {{ bss = "384K" }}\n\n[defaults]\ncode = "{code}"\n'
    for name in PAIR:
        text += f'\n[component.{name}]\nobjects = ["${{{name}}}"]\nentry = "{name}_main"\n'
        text += f'stack = {512 - FRAME[machine.name]}\ntrust = "{trust}"\n{accept}\n'
    for number in range(shares):
        text += f'\n[shared.s{number}]\nsize = 512\naccess = {{ alpha = "rw", bravo = "r" }}\n'
    return text


def built(machine: Machine, shares: int, *, code: str = "private", isolation: str = "mpu") -> Image:
    """The image of a :func:`pair` of components that do nothing but yield."""
    return image(machine, pair(machine, shares, code=code, isolation=isolation), PAIR, make=YIELDER)


def instructions(found: Image) -> float:
    """Instructions of one round: the first task yields, the others ask for work and yield, and it runs again."""
    steps = [Step(task=0, operation=Operation.YIELDS, value=count) for count in (10, ROUNDS, 2 * ROUNDS)]
    outcomes, run = found.attack(steps)
    assert run.status == 0, run.talk
    first, second, third = (outcome.clock for outcome in outcomes)
    # The difference of two runs of different length leaves nothing but rounds.
    return ((third - second) - (second - first)) * INSTRUCTIONS_PER_COUNT[found.machine.name] / ROUNDS


def stretch(found: Image) -> int:
    """Instructions from the first store of a switch to its last, counted one by one.

    A round holds the rest of the kernel too, which the compiler arranges anew around every number of slots: it moves by
    tens of instructions where the switch itself moves by two a slot.
    """
    (entry,) = (address & ~1 for name, address in found.symbols.items() if re.search(r"4arch\d+\w+6handle17h", name))
    events = [word for event in tracing.events(found.plan.unit) for word in ("-trace", event)]
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        # The kernel's C-like part only: start-up zeroes its memory word by word.
        single = ("-singlestep", "-d", "exec,nochain", "-dfilter", f"{entry:#x}+0x1000", "-D", log.name)
        found.attack([Step(task=0, operation=Operation.YIELDS, value=10)], options=(*single, *events))
        lines = Path(log.name).read_text().splitlines()
    done: list[str] = []
    stored = []
    for line in lines:
        executed = re.match(r"Trace \d+: \S+ \[\w+/(\w+)/", line)
        # An access to a device begins its instruction again.
        if executed and done[-1:] != [executed[1]]:
            done.append(executed[1])
        if tracing.stores(found.plan.unit, line):
            stored.append(len(done))
    first = stored[-len(tracing.switch(found.plan, "alpha"))]
    return stored[-1] - first + 1


def rows(machine: Machine) -> list[Cost]:
    """One row for each number of dynamic slots, up to eight, that the manifests lead to."""
    found: dict[int, Cost] = {}
    for code in ("shared", "private"):
        without = instructions(built(machine, 0, code=code, isolation="none"))
        for shares in range(MOST):
            try:
                one = built(machine, shares, code=code)
            except NoPlan:
                break
            slots = one.plan.slots.dynamic
            if slots <= MOST and slots not in found:
                stores = len(tracing.switch(one.plan, "alpha"))
                added = (instructions(one) - without) / len(PAIR)
                found[slots] = Cost(slots=slots, stores=stores, stretch=stretch(one), added=added)
    return [found[slots] for slots in sorted(found)]


def table() -> str:
    """Markdown."""
    lines = ["| machine | slots | stores | known kernels' stores | instructions, first store to last | added in all |"]
    lines.append("|---|---|---|---|---|---|")
    lines += (
        f"| {machine.name} | {row.slots} | {row.stores} | {KNOWN[machine.name]} | {row.stretch} | {row.added:.0f} |"
        for machine in (AN385, AN505, VIRT)
        for row in rows(machine)
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - this is the command's output
