"""Smepmp: the kernel reaches its own entries and nothing else, and no partition's memory but with its rights."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from layoutplan.check import verify_image
from layoutplan.model.access import Access
from tests.hardware import attacks
from tests.hardware.build import TCB, Image, image, patched
from tests.hardware.machines import VIRT, VIRT_SMEPMP
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import HALT_KERNEL, HALT_REFUSED_MSECCFG, Operation, Step, decode
from tests.hardware.verdict import Attempt, tried

MSECCFG = 3
"""MML and MMWP, not RLB."""
INSTRUCTION_ACCESS, LOAD_ACCESS = 1, 5
"""``mcause``."""


@pytest.fixture(scope="module")
def stage() -> Scene:
    return scene(image(VIRT_SMEPMP, quartet(VIRT_SMEPMP), QUARTET))


def watched(stage: Scene, attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """Around each attempt on somebody's byte that somebody reads it, because here the kernel cannot."""
    for attempt in attempts:
        address = attempt.step.observe
        readers = [task for task in stage.partition_of if Access.READ in stage.held(stage.tasks[task], address)]
        if not address or not readers:
            yield attempt
            continue
        look = Step(task=readers[0], operation=Operation.READ8, address=address)
        yield Attempt(name=f"{attempt.name}/victim-before", step=look)
        yield attempt
        yield Attempt(name=f"{attempt.name}/victim-after", step=look, as_before=2)


def test_no_byte_of_a_victim_changes(stage: Scene) -> None:
    attempts = list(watched(stage, attacks.everywhere(stage)))
    assert sum(attempt.as_before for attempt in attempts) > 2 * 100
    assert tried(stage, attempts) == {}


def test_the_kernels_entries_are_the_first_and_locked(stage: Scene) -> None:
    plan = stage.image.plan
    devices = ["kernel peripheral clint", "kernel peripheral plic"]
    assert [region.owner for region in plan.background] == ["kernel code", "kernel data", *devices]
    own = [words for region in plan.background for words in region.words]
    for slots in plan.registers.values():
        assert [slot.words for slot in slots[: len(own)]] == own
        assert all(slot.words[1] >> 7 == (slot.index < len(own)) for slot in slots)


def test_mseccfg_is_written_once_and_before_any_partition_runs(stage: Scene, tmp_path: Path) -> None:
    events = ("mseccfg_csr_write", "pmpcfg_csr_write")
    options = (word for event in events for word in ("-trace", event))
    step = Step(task=0, operation=Operation.SPIN, value=1)
    _, run = stage.image.attack([step], options=(*options, "-D", str(tmp_path / "trace")))
    assert run.status == 0
    found = re.findall(r"(mseccfg|pmpcfg)_csr_write hart 0.*, val: (0x[0-9a-f]+)", (tmp_path / "trace").read_text())
    boot = -(-stage.image.system.target.slots // 4)
    assert found[boot] == ("mseccfg", hex(MSECCFG))
    assert [name for name, _ in found].count("mseccfg") == 1


def places(stage: Scene) -> dict[str, int]:
    """Bytes that are not the kernel's, of those whose entries are loaded and of others."""
    data = {name: stage.image.symbols[f"__lp_{name}_data_start"] for name in QUARTET}
    own_code = stage.image.symbols["__lp_delta_code_start"]
    lowest = min(placement.granted.base for placement in stage.image.plan.placements if placement.memory == "ram")
    return {
        "the running partition's data": data["alpha"],
        "another's data": data["delta"],
        "another's code": own_code,
        "the lowest block": lowest,
        "a device that is nobody's": 0x0010_0000,
        "another's device": 0x0010_1000,
        "no device at all": 0x0300_0000,
    }


@pytest.mark.parametrize("what", ["data", "another's data", "code", "lowest", "nobody's", "another's device", "no "])
def test_the_kernel_reads_nothing_that_is_not_its_own(stage: Scene, what: str) -> None:
    """A read of a byte by M-mode faults, and the firmware stands still; a byte of the kernel's is read."""
    address = next(place for name, place in places(stage).items() if what in name)
    step = Step(task=stage.tasks.index("alpha"), operation=Operation.SPIN, value=1, observe=address)
    outcomes, _ = stage.image.attack([step], anywhere=True)
    assert [(o.kind, o.address, o.value) for o in outcomes] == [(HALT_KERNEL, LOAD_ACCESS, address)]


def test_the_kernel_reads_what_is_its_own_to_the_last_byte(stage: Scene) -> None:
    """Of its devices the first word: QEMU refuses others. The timer's are read at every slice anyway."""
    code, data, *_ = (piece for region in stage.image.plan.background for piece in region.ranges)
    bytes_ = (code.base, code.last, data.base, data.last)
    steps = [Step(task=0, operation=Operation.SPIN, value=1, observe=address) for address in bytes_]
    outcomes, run = stage.image.attack(steps, anywhere=True)
    assert ([outcome.kind for outcome in outcomes], run.status) == ([0, 0, 0, 0], 0)


def changed(name: str, old: str, new: str, folder: Path) -> Image:
    """The image with one line of a file of the switch code replaced."""
    source = folder / "switch_tcb"
    shutil.copytree(TCB, source, ignore=shutil.ignore_patterns("target"))
    file = source / "src" / "arch" / name
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    return image(VIRT_SMEPMP, quartet(VIRT_SMEPMP), QUARTET, source=source)


def test_a_task_that_keeps_machine_mode_does_not_run(tmp_path: Path) -> None:
    """Without Smepmp this defect gives a task everything; with it, M-mode executes no partition's code."""
    broken = changed("riscv.rs", "mstatus = MSTATUS_TASK;", "mstatus = MSTATUS_TASK | MPP;", tmp_path)
    outcomes, _ = broken.attack([Step(task=0, operation=Operation.SPIN, value=1)])
    entries = [broken.symbols[f"{name}_main"] for name in QUARTET]
    assert [(o.kind, o.address) for o in outcomes] == [(HALT_KERNEL, INSTRUCTION_ACCESS)]
    assert outcomes[0].value in entries


def test_a_core_without_smepmp_is_refused(stage: Scene) -> None:
    one_step = ("-device", f"loader,addr={stage.image.symbols['LP_STEPS']:#x},data=1,data-len=4")
    result = VIRT.run(stage.image.elf, options=one_step)
    assert [(o.kind, o.address, o.value) for o in decode(result.output)] == [(HALT_REFUSED_MSECCFG, 0, MSECCFG)]


def test_an_entry_of_the_kernels_that_is_missing_is_missed(stage: Scene, tmp_path: Path) -> None:
    plan = stage.image.plan
    slot = next(slot.index for slot in plan.registers["alpha"] if slot.owner == "kernel peripheral plic")
    elf = patched(stage.image.elf, {stage.image.symbols["LP_STATIC"] + 8 * slot: (0, 0)}, tmp_path / "patched.elf")
    outcomes, _ = stage.image.attack([Step(task=0, operation=Operation.SPIN, value=1)], elf=elf)
    assert [outcome.kind for outcome in outcomes] == [HALT_KERNEL]
    assert 0x0C00_0000 <= outcomes[0].value < 0x0C40_0000
    verdict = verify_image(elf, stage.image.system)
    assert {finding.rule for finding in verdict.findings} == {"kernel-access"}


def test_a_plan_without_smepmp_starts_on_a_core_that_has_it() -> None:
    plain = image(VIRT, quartet(VIRT), QUARTET)
    no_step = ("-device", f"loader,addr={plain.symbols['LP_STEPS']:#x},data=0,data-len=4")
    assert VIRT_SMEPMP.run(plain.elf, options=no_step).status == 0


def test_this_emulator_writes_locked_entries_under_mml(tmp_path: Path) -> None:
    """Smepmp: without RLB a locked entry is not written until reset. QEMU 7.2 writes it, and a newer one shows here."""
    old = "check_mseccfg(before, after, F::MSECCFG)"
    broken = changed(
        "smepmp.rs", old, f'unsafe {{ asm!("csrw pmpcfg1, zero", options(nostack)) }};\n        {old}', tmp_path
    )
    outcomes, _ = broken.attack([Step(task=0, operation=Operation.SPIN, value=1)])
    assert [outcome.kind for outcome in outcomes] == [HALT_KERNEL]
    assert outcomes[0].value >> 24 in (0x02, 0x0C)  # its own timer or interrupt controller
