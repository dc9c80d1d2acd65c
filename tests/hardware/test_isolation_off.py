"""With isolation off the same accesses succeed, and nothing of the protection is left in the image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.hardware.build import TCB, Image, image
from tests.hardware.cost import instructions
from tests.hardware.machines import MACHINES, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.steps import Operation, Step
from tests.hardware.verdict import Attempt, violations


@pytest.fixture(scope="module", params=MACHINES, ids=lambda machine: str(machine.name))
def unprotected(request: pytest.FixtureRequest) -> Image:
    machine: Machine = request.param
    return image(machine, quartet(machine, isolation="none"), QUARTET)


def trespasses(stage: Scene) -> Iterator[Attempt]:
    """Every task reads every block of the others, and changes bytes of their data."""
    for task, owner in stage.partition_of.items():
        name = stage.partitions[owner]
        for placement in stage.image.plan.placements:
            if name in placement.block.granted_to:
                continue
            for address in (placement.used.base, placement.used.last):
                step = Step(task=task, operation=Operation.READ8, address=address)
                yield Attempt(name=f"{name}/{placement.block.name}/{address:#x}/read", step=step)
        for other in QUARTET:
            if other != name:
                # Zeroed memory that its component does not use: nobody else writes there.
                address = stage.bss(stage.tasks.index(other))
                step = Step(task=task, operation=Operation.WRITE8, address=address, value=0x40 + task, observe=address)
                label = f"{name}/{other}.data/write"
                yield Attempt(name=label, step=step, changes=True, value=0x40 + task)


def test_every_trespass_succeeds(unprotected: Image) -> None:
    stage = scene(unprotected)
    attempts = list(trespasses(stage))
    assert len(attempts) >= len(QUARTET) * (len(QUARTET) - 1) * 3
    outcomes, run = unprotected.attack([attempt.step for attempt in attempts])
    assert violations(stage, attempts, outcomes) == {}
    assert run.status == 0
    written = [outcome for attempt, outcome in zip(attempts, outcomes, strict=True) if attempt.changes]
    assert all(outcome.before != outcome.after for outcome in written)


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
