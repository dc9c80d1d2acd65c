"""Software isolation on the machine: every task has its own partition's base and size, after switches and preemption.

The checked code is made as its compiler would; what is shown is that the registers it relies on are right and stay so.
"""

from __future__ import annotations

import functools
import json
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from layoutplan.check import verify_image
from layoutplan.model.access import Isolation
from layoutplan.model.component import Role
from layoutplan.model.plan import SoftwareBounds
from tests.hardware.build import Image, image, patched, prober
from tests.hardware.machines import AN385, AN386, AN505, VIRT, Machine
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Kind, Operation, Response, Step
from tests.hardware.verdict import Attempt, violations

COMPILED_FOR = 1024
SIZES = {"alpha": 1024, "bravo": 2048, "carol": 4096}
BASE, SIZE = 1, 2
"""What READ32 of ``rust/bounded.rs`` is asked for."""

TRAP = frozenset({Kind.USAGE, Kind.INSTRUCTION})
"""An undefined instruction, as Arm and RISC-V name it: what a failed check executes."""

WORDS = [("software",), ("mpu", "software")]


def manifest(machine: Machine, isolation: tuple[str, ...]) -> str:
    components = "".join(
        f"""
[component.{name}]
objects = ["${{{name}}}"]
entry = "{name}_main"
stack = 256
linear-memory = {size}
trust = "{"untrusted" if name == "carol" else "verified"}"
"""
        for name, size in SIZES.items()
    )
    words = json.dumps(list(isolation))
    chip = f'[target]\nchip = "{machine.chip}"\n'
    return f'manifest-version = 1\nisolation = {words}\n{chip}{components}[kernel]\nsizes = {{ bss = "320K" }}\n'


@functools.cache
def bounded(machine: Machine, isolation: tuple[str, ...]) -> Image:
    safety = json.dumps({"safety_bounds": "software", "linear_memory_bytes": COMPILED_FOR})
    make = functools.partial(prober, program="bounded.rs", safety=safety)
    return image(machine, manifest(machine, isolation), tuple(SIZES), make=make)


@pytest.fixture(params=WORDS, ids="+".join)
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    given: tuple[str, ...] = request.param
    return given


@pytest.fixture(params=[AN385, AN386, AN505, VIRT], ids=lambda machine: str(machine.name))
def stage(request: pytest.FixtureRequest, words: tuple[str, ...]) -> Scene:
    return scene(bounded(request.param, words))


def read(stage: Scene, task: str, what: int, name: str) -> Attempt:
    bounds = stage.image.plan.software[task]
    on_arm = stage.image.machine is not VIRT
    # RV32 has no size register: the convention's size is compiled in.
    value = bounds.size if what == SIZE and on_arm else bounds.base
    step = Step(task=stage.tasks.index(task), operation=Operation.READ32, address=what)
    return Attempt(name=f"{task}: {name}", step=step, value=value)


def rounds(stage: Scene, name: str) -> list[Attempt]:
    return [read(stage, task, what, f"{what} {name}") for task in SIZES for what in (BASE, SIZE)]


def test_the_plan_gives_every_partition_its_own_memory(stage: Scene) -> None:
    bounds = stage.image.plan.software
    assert {name: one.size for name, one in bounds.items()} == SIZES
    parts = {
        part.component: SoftwareBounds(base=placement.granted.base + part.offset, size=part.size, mask=0)
        for placement in stage.image.plan.placements
        for part in placement.block.parts
        if part.role is Role.LINEAR_MEMORY
    }
    assert bounds == parts


def test_every_task_sees_its_own_base_and_size_and_keeps_them(stage: Scene) -> None:
    attempts = rounds(stage, "at first")
    for task in SIZES:
        # Longer than a slice: preempted in between, and the others run.
        spin = Step(task=stage.tasks.index(task), operation=Operation.SPIN, value=40000)
        base = stage.image.plan.software[task].base
        attempts.append(Attempt(name=f"{task}: preempted", step=spin, value=base, least_turns=1))
    attempts += rounds(stage, "after preemption")
    carol = stage.tasks.index("carol")
    for response in (Response.ENTER, Response.RESTART):
        trap = Step(task=carol, operation=Operation.WRITE8, address=SIZES["carol"], response=response)
        attempts.append(Attempt(name=f"carol: {response.name}", step=trap, denied=TRAP))
        attempts += rounds(stage, f"after {response.name}")
    outcomes, run = stage.image.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0


def test_a_checked_write_reaches_all_of_its_memory_and_nothing_behind_it(stage: Scene) -> None:
    attempts = []
    on_arm = stage.image.machine is not VIRT
    for task, size in SIZES.items():
        bounds = stage.image.plan.software[task]
        limit = size if on_arm else COMPILED_FOR
        for offset in (0, 4, limit - 1):
            step = Step(
                task=stage.tasks.index(task),
                operation=Operation.WRITE8,
                address=offset,
                value=0x5A,
                observe=bounds.base + offset,
            )
            attempts.append(Attempt(name=f"{task} {offset}", step=step, value=0x5A, changes=True))
        for offset in (limit, limit + 1, 0x8000_0000, 0xFFFF_FFFF):
            beside = bounds.base + size - 1
            step = Step(
                task=stage.tasks.index(task), operation=Operation.WRITE8, address=offset, value=0xA5, observe=beside
            )
            attempts.append(Attempt(name=f"{task} {offset:#x}", step=step, denied=TRAP))
    outcomes, run = stage.image.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
    wrote = [outcome.after for attempt, outcome in zip(attempts, outcomes, strict=True) if attempt.changes]
    assert wrote == [0x5A] * len(wrote)


def test_the_registers_come_from_the_table_in_the_image(stage: Scene, tmp_path: Path) -> None:
    """Other words at LP_SOFTWARE, and the tasks see those: nothing was folded into the kernel's code."""
    where = stage.image.symbols["LP_SOFTWARE"]
    other = [(0x1234_5670, 0x40, 0), (0x2345_6780, 0x80, 0), (0x3456_7890, 0xC0, 0)]
    words = [word for row in other for word in row]
    elf = patched(stage.image.elf, {where: words}, tmp_path / "patched.elf")
    steps = [Step(task=task, operation=Operation.READ32, address=BASE) for task in range(3)]
    outcomes, _ = stage.image.attack(steps, elf=elf)
    assert [outcome.value for outcome in outcomes] == [row[0] for row in other]


def test_without_regions_no_register_words_are_in_the_image(stage: Scene) -> None:
    image_ = stage.image
    with image_.elf.open("rb") as file:
        elf = ELFFile(file)
        section, names = elf.get_section_by_name(".lp.region_table"), elf.get_section_by_name(".symtab")
        assert section is not None
        assert isinstance(names, SymbolTableSection)
        content, sizes = section.data(), {symbol.name: symbol["st_size"] for symbol in names.iter_symbols()}
    rows = [image_.plan.software[name] for name in sorted(SIZES)]
    assert b"".join(struct.pack("<3I", row.base, row.size, row.mask) for row in rows) in content
    words = [sizes.get(name, 0) for name in ("LP_STATIC", "LP_DYNAMIC", "LP_GRANTS")]
    assert any(words) == (Isolation.MPU in image_.system.isolation)


def test_the_linked_image_is_verified(stage: Scene) -> None:
    image_ = stage.image
    verdict = verify_image(image_.elf, image_.system, image_.plan)
    assert not [finding for finding in verdict.findings if finding.rule == "software-bounds"]
    assert verdict.findings == ()


@pytest.mark.parametrize(
    ("row", "word", "change", "partition"),
    [(0, 0, 4, "alpha"), (1, 1, 4, "bravo"), (2, 1, -4, "carol"), (2, 2, 1, "carol")],
)
def test_verify_refuses_other_bounds(
    row: int, word: int, change: int, partition: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    good = bounded(AN385, words)
    rows = [good.plan.software[name] for name in sorted(SIZES)]
    told = [number for one in rows for number in (one.base, one.size, one.mask)]
    told[3 * row + word] += change
    elf = patched(good.elf, {good.symbols["LP_SOFTWARE"]: told}, tmp_path / "patched.elf")
    findings = verify_image(elf, good.system, good.plan).findings
    assert {(finding.rule, finding.partition) for finding in findings} == {("software-bounds", partition)}
