"""With isolation off the same attacks succeed, and nothing of the protection is left in the image."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from layoutplan.model.access import Access
from tests.hardware import attacks
from tests.hardware.build import TCB, Image, image
from tests.hardware.cost import instructions
from tests.hardware.machines import MACHINES, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Kind, Operation, Step
from tests.hardware.verdict import Attempt, violations
from tests.toolchain import RISCV32


@pytest.fixture(scope="module", params=MACHINES, ids=lambda machine: str(machine.name))
def unprotected(request: pytest.FixtureRequest) -> Image:
    machine: Machine = request.param
    return image(machine, quartet(machine, isolation="none"), QUARTET)


def reachable(stage: Scene) -> list[Attempt]:
    """The suite's own reads and writes that isolation denies and nothing else does, which all must complete now.

    A write puts back what is there, so that the kernel that it hits lives to tell.
    Code is among what can be written: these machines keep it in RAM, where a chip's flash would ignore the store.
    Left out is what QEMU's devices refuse by themselves, bytes, and what no protection unit decides: privileged
    instructions, which the mode forbids, and on Arm the private peripheral bus, which is privileged whatever the MPU
    says (Armv7-M ARM B3.1). Both stand in ``attacks.privileged``, and are tried below.
    """
    found = []
    for attempt in attacks.everywhere(stage):
        step = attempt.step
        refusing = stage.device(step.address) is not None and not stage.image.machine.devices_take_bytes
        if attempt.denied and step.operation is not Operation.EXECUTE and not refusing:
            rewriting = Operation.REWRITE8 if step.operation is Operation.WRITE8 else step.operation
            step = replace(step, operation=rewriting, observe=0)
            found.append(Attempt(name=attempt.name, step=step))
    return found


def changes(stage: Scene, read: Mapping[int, int]) -> list[Attempt]:
    """Those of the writes whose byte nobody needs, with another value than ``read`` found there, which must show.

    These are the data, stacks and shares of others and the far end of the kernel's stack. The attacker puts each back.
    """
    writable = {
        f"{placement.block.name}/{where}"
        for placement in stage.image.plan.placements
        if any(Access.WRITE in rights for rights in placement.block.granted_to.values())
        for where in ("first", "inside", "last")
    }
    found = []
    for attempt in attacks.everywhere(stage):
        name, step = attempt.name, attempt.step
        where = name.removesuffix("/write").split("/", 1)[1]
        if attempt.denied and step.operation is Operation.WRITE8 and where in {*writable, "kernel-stack/first"}:
            there = read[step.address]
            for label, value in (("write", there ^ 0xA5), ("restore", there)):
                changing = replace(step, value=value, observe=step.address)
                found.append(Attempt(name=f"{name}/{label}", step=changing, value=value, changes=True))
    return found


def executions(stage: Scene) -> list[Attempt]:
    """Every task runs a breakpoint in the others' code, and a return that it has written into anybody's data.

    The suite's own attack, which enters a foreign function, would succeed without ever coming back to say so.
    """
    riscv = stage.image.machine.target == RISCV32
    pause, back = (b"\x02\x90", 0x8082) if riscv else (b"\x00\xbe", 0x4770)  # c.ebreak, c.jr ra; bkpt #0, bx lr
    found = []
    for task, owner in stage.partition_of.items():
        name = stage.partitions[owner]
        for other in stage.tasks:
            address = code_of(stage.image, other, pause)
            if Access.EXECUTE not in stage.held(name, address):
                step = Step(task=task, operation=Operation.EXECUTE, address=address)
                reached = Attempt(name=f"{name}/{other}.code/execute", step=step, denied=frozenset({Kind.BREAKPOINT}))
                found.append(reached)
            address = stage.bss(stage.tasks.index(other))
            planting = Step(task=task, operation=Operation.WRITE16, address=address, value=back)
            found.append(Attempt(name=f"{name}/{other}.data/plant", step=planting, value=back))
            running = Step(task=task, operation=Operation.EXECUTE, address=address)
            found.append(Attempt(name=f"{name}/{other}.data/execute", step=running))
    return found


def code_of(image: Image, component: str, instruction: bytes) -> int:
    """Where ``instruction``, of two bytes, stands in the component's code."""
    with image.elf.open("rb") as file:
        code = ELFFile(file).get_section_by_name(f".lp.{component}.text")
        assert code is not None
        content, base = code.data(), code["sh_addr"]
    return base + next(at for at in range(0, len(content), 2) if content[at : at + 2] == instruction)


def test_every_read_and_write_that_isolation_denies_succeeds(unprotected: Image) -> None:
    stage = scene(unprotected)
    attempts = reachable(stage)
    reads = {attempt.name for attempt in attempts if attempt.name.endswith("/read")}
    for partition in QUARTET:
        for other in set(QUARTET) - {partition}:
            assert {f"{partition}/{other}.data/{where}/read" for where in ("first", "inside", "last")} <= reads
        assert {f"{partition}/{what}/first/read" for what in ("kernel-data", "kernel-stack", "__lp_hash")} <= reads
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
    both = zip(attempts, outcomes, strict=True)
    read = {one.step.address: outcome.value for one, outcome in both if one.step.operation is Operation.READ8}
    attempts = changes(stage, read)
    assert len(attempts) >= 2 * 3 * len(QUARTET) * (len(QUARTET) - 1)
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
    # Every second one puts back, where the byte's owner may have done so already.
    assert all(outcome.before != outcome.after for outcome in outcomes[::2])


def test_every_partition_runs_what_isolation_keeps_from_it(unprotected: Image) -> None:
    stage = scene(unprotected)
    attempts = executions(stage)
    assert len(attempts) >= 3 * len(QUARTET) * (len(QUARTET) - 1)
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0


def test_what_the_mode_forbids_stays_forbidden(unprotected: Image) -> None:
    """Tasks stay unprivileged with isolation off: these attacks are stopped by the core, not by a region."""
    stage = scene(unprotected)
    attempts = [attempt for attempt in attacks.privileged(stage) if "exception-return" not in attempt.name]
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0


STUB = """//! Stands where the protection unit would be programmed.
use crate::firmware::Firmware;
/// None.
pub fn slots<F: Firmware>() -> u32 {
    let _ = F::ALL_SLOTS;
    0
}
/// Nothing.
///
/// # Safety
///
/// None is needed.
pub unsafe fn start<F: Firmware>(_: *const [u32; 2]) {}
/// Nothing.
///
/// # Safety
///
/// None is needed.
pub unsafe fn load<F: Firmware>(_: *const [u32; 2]PMP) {}
/// OPEN
pub fn open() {BODY}
"""
ARM_STUB = STUB.replace("PMP", "").replace("BODY", "")
PMP_STUB = STUB.replace("PMP", ", _: *const u32").replace(
    # Without an entry U-mode reaches nothing at all: this is not isolation's price, it is what having none costs there.
    "BODY",
    """
    unsafe {
        use core::arch::asm;
        asm!("csrw pmpaddr0, {0}", "csrw pmpcfg0, {1}", in(reg) u32::MAX, in(reg) 0x1F, options(nomem, nostack));
    }
""",
)
SMEPMP_STUB = """//! Stands where the rules of the unit would be set.
use crate::decide::boot::Refusal;
use crate::firmware::Firmware;
/// None.
///
/// # Safety
///
/// None is needed.
pub unsafe fn lock_down<F: Firmware>() -> Result<(), Refusal> {
    Ok(())
}
pub(super) use super::copy as copy_as_task;
"""
STUBS = {"armv7m.rs": ARM_STUB, "armv8m.rs": ARM_STUB, "pmp.rs": PMP_STUB, "smepmp.rs": SMEPMP_STUB}
SECTIONS = (".vector_table", ".init", ".text", ".rodata", ".data", ".bss")


def never_written(folder: Path) -> Path:
    """The TCB's source without a line about protection."""
    bare = folder / "switch_tcb"
    shutil.copytree(TCB, bare, ignore=shutil.ignore_patterns("target"))
    arch = bare / "src" / "arch"
    for name, stub in STUBS.items():
        assert (arch / name).is_file()
        (arch / name).write_text(stub)
    v6 = (arch / "armv6m.rs").read_text().replace("\n\n", "\n\n#![allow(unused_imports)]\n\n", 1)
    (arch / "armv6m.rs").write_text(
        v6[: v6.index("/// Performs")].replace("{open, slots, start}", "{load, open, slots, start}")
    )
    shared = (arch / "mod.rs").read_text()
    assert shared.count("F::PROTECTED") == 3
    (arch / "mod.rs").write_text(shared.replace("F::PROTECTED", "false"))
    return bare


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine.name))
def test_isolation_that_is_off_costs_no_byte_and_no_instruction(machine: Machine, tmp_path: Path) -> None:
    """The kernel has the size, section by section, of one whose switch code was never written, and runs as long."""
    off = quartet(machine, isolation="none")
    images = [image(machine, off, QUARTET), image(machine, off, QUARTET, source=never_written(tmp_path))]
    sizes = [{name: section(found.elf, name) for name in SECTIONS} for found in images]
    assert sizes[0] == sizes[1]
    assert instructions(images[0]) == instructions(images[1])
    assert not {"LP_DYNAMIC", "LP_STATIC", "LP_GRANTS"} & set(images[0].symbols)
    assert not [name for name in images[0].symbols if "LOADED" in name]
    with images[0].elf.open("rb") as file:
        assert ELFFile(file).get_section_by_name(".lp.region_table") is None
    # The comparison can tell: with isolation on the switch code is there.
    on = image(machine, quartet(machine), QUARTET)
    assert section(on.elf, ".text") > sizes[0][".text"]
    assert instructions(on) > instructions(images[0])
    assert [name for name in on.symbols if "LOADED" in name]


def section(elf: Path, name: str) -> int:
    """The size of a section, in bytes; zero where there is none."""
    with elf.open("rb") as file:
        found = ELFFile(file).get_section_by_name(name)
        return 0 if found is None else int(found["sh_size"])
