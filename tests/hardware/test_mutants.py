"""A suite that kills nothing proves nothing: each broken TCB and each broken table dies by a named attack."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from tests.hardware import attacks
from tests.hardware.build import TCB, image
from tests.hardware.machines import AN385, AN386, AN505, MACHINES, VIRT, Machine
from tests.hardware.manifests import QUARTET, quartet
from tests.hardware.scene import Scene, scene
from tests.hardware.verdict import Attempt, violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect: text that stands once in the TCB's source, what replaces it, and attacks that succeed then."""

    name: str
    file: str
    old: str
    new: str
    killed_by: str
    machine: Machine = AN385


MUTANTS = (
    Mutant(
        name="regions are loaded once and never again",
        file="arch/mod.rs",
        old="running.partition != partition {",
        new="running.partition == usize::MAX {",
        killed_by="bravo/alpha.data/first/read",
    ),
    Mutant(
        name="the last slot stays stale where a partition needs one less",
        file="arch/armv7m.rs",
        old="for _ in 0..F::DYNAMIC_SLOTS % 4 {",
        new="for _ in 0..F::DYNAMIC_SLOTS % 4 { if read_volatile(source)[1] == 0 { break; }",
        killed_by="bravo/*/read",
    ),
    Mutant(
        name="the first four slots are not reloaded",
        file="arch/armv7m.rs",
        old='"stmia {target}, {{r2, r3, r4, r5, r8, r9, r10, r12}}",',
        new='"/* {target} */",',
        killed_by="alpha/alpha.data/first/may-read",
    ),
    Mutant(
        name="the MPU stays off after a switch",
        file="arch/armv7m.rs",
        old="for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        new="if true { return; }\n        for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        killed_by="alpha/bravo.data/first/write",
    ),
    Mutant(
        name="tasks keep the privilege",
        file="arch/cortex_m.rs",
        old="(EXC_RETURN_TASK, UNPRIVILEGED);",
        new="(EXC_RETURN_TASK, 0 & UNPRIVILEGED);",
        killed_by="alpha/kernel-stack/first/write",
    ),
    Mutant(
        name="the context is saved below the task's stack pointer",
        file="arch/cortex_m.rs",
        old='"stmia r3!, {{r4-r11}}"',
        new='"stmdb r0, {{r4-r11}}\\nstmia r3!, {{r4-r11}}"',
        killed_by="bravo/stack-pointer/just-fits-4/call",
    ),
    Mutant(
        name="the stack pointer is believed",
        file="decide/table.rs",
        old="start >= low && start.is_multiple_of(8) && start <= high && high - start >= size",
        new="start >= low || start <= high || size > 0",
        killed_by="alpha/stack-pointer/beyond-own/call",
    ),
    Mutant(
        name="pointers are believed",
        file="decide/grants.rs",
        old="owner as usize == partition && low <= start",
        new="(owner as usize == partition || true) && low <= start",
        killed_by="alpha/send/bravo.data",
    ),
    Mutant(
        name="the end of a pointer's range is not looked at",
        file="decide/grants.rs",
        old="end <= high && held",
        new="(end <= high || true) && held",
        killed_by="alpha/send/across-the-end",
    ),
    Mutant(
        name="a task begins with another's registers",
        file="arch/cortex_m.rs",
        old="(context.psp, context.psplim) = (frame as u32, low);",
        new="(context.psp, context.psplim, context.callee_saved) = (frame as u32, low, [7; 8]);",
        killed_by="alpha/registers/at-start",
    ),
    Mutant(
        name="registers are not restored",
        file="arch/cortex_m.rs",
        old='"ldmia r0!, {{r4-r11}}\\n',
        new='"add r0, r0, #32\\n',
        killed_by="alpha/registers/kept",
    ),
    Mutant(
        name="a restart keeps the old memory",
        file="decide/kernel.rs",
        old="if response == Response::Restart {",
        new="if response == Response::Restart && false {",
        killed_by="delta/restart/statics",
    ),
    Mutant(
        name="a restart sets everybody's memory anew",
        file="decide/grants.rs",
        old="if owner as usize != partition || rights",
        new="if rights",
        killed_by="delta/restart/neighbour-kept",
    ),
    Mutant(
        name="a fault is forgiven but not cleared",
        file="arch/status.rs",
        old="write_volatile(CFSR, self.cfsr);",
        new="",
        killed_by="alpha/bravo.data/first/write",
    ),
    Mutant(
        name="a breakpoint halts the firmware",
        file="arch/cortex_m.rs",
        old="if cause == NMI || status",
        new="if cause <= 3 || cause == NMI || status",
        killed_by="alpha/privileged/breakpoint",
    ),
    Mutant(
        name="FP registers are not cleared",
        file="arch/cortex_m.rs",
        old='"vldmia r0, {{d0-d15}}\\n",',
        new="",
        killed_by="*/fp/left-by-*",
        machine=AN386,
    ),
    Mutant(
        name="FP registers are not saved",
        file="arch/cortex_m.rs",
        old="addeq r3, r3, #8\\nvstmiaeq r3, {{s16-s31}}",
        new="addeq r3, r3, #8\\nnopeq",
        killed_by="*/fp/marks-*",
        machine=AN386,
    ),
    Mutant(
        name="the Armv8-M MPU stays off after a switch",
        file="arch/armv8m.rs",
        old="write_volatile(MPU_CTRL as *mut u32, 0);\n        asm!",
        new="write_volatile(MPU_CTRL as *mut u32, 0);\n        if true { return; }\n        asm!",
        killed_by="alpha/bravo.data/first/write",
        machine=AN505,
    ),
    Mutant(
        name="four Armv8-M slots are not reloaded",
        file="arch/armv8m.rs",
        old='"stmia {target}, {{r2, r3, r4, r5, r8, r9, r10, r12}}",',
        new='"/* {target} */",',
        killed_by="alpha/alpha.data/first/may-read",
        machine=AN505,
    ),
    Mutant(
        name="pmpcfg is not rewritten",
        file="arch/pmp.rs",
        old="each_config!(write_configs, F::FIRST_DYNAMIC_CFG, F::DYNAMIC_CFGS, config);",
        new="let _ = config;",
        killed_by="alpha/alpha.data/first/may-write",
        machine=VIRT,
    ),
    Mutant(
        name="the order of the entries is reversed",
        file="arch/pmp.rs",
        old="let value = read_volatile($words.add($n - $first).cast::<u32>());",
        new="let value = read_volatile($words.add($count - 1 - ($n - $first)).cast::<u32>());",
        killed_by="alpha/*/may-read",
        machine=VIRT,
    ),
    Mutant(
        name="the last address register is not written",
        file="arch/pmp.rs",
        old="if $n >= $first && $n < $first + $count {\n            let value = read",
        new="if $n >= $first && $n + 1 < $first + $count {\n            let value = read",
        killed_by="*/may-*",
        machine=VIRT,
    ),
    Mutant(
        name="tasks keep machine mode",
        file="arch/riscv.rs",
        old="context.mstatus = MSTATUS_TASK;",
        new="context.mstatus = MSTATUS_TASK | MPP;",
        killed_by="alpha/bravo.data/first/write",
        machine=VIRT,
    ),
    Mutant(
        name="a register is not restored",
        file="arch/riscv.rs",
        old='"lw x27, 108(sp)",',
        new="",
        killed_by="*/registers/at-start",
        machine=VIRT,
    ),
)


def every_attack(stage: Scene) -> Iterator[Attempt]:
    """One boot's worth of everything; what must work comes last, so that a stuck firmware shows too."""
    return chain(
        attacks.registers(stage),
        attacks.everywhere(stage),
        attacks.widths(stage),
        attacks.hostile_stacks(stage),
        attacks.hostile_calls(stage),
        attacks.privileged(stage),
        attacks.restarts(stage),
        attacks.floating_point(stage),
    )


def killers(stage: Scene, attempts: list[Attempt], elf: Path | None = None) -> dict[str, str]:
    outcomes, _ = stage.image.attack([attempt.step for attempt in attempts], elf=elf)
    return violations(stage, attempts, outcomes)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_a_broken_tcb_is_killed(mutant: Mutant, tmp_path: Path) -> None:
    source = tmp_path / "switch_tcb"
    shutil.copytree(TCB, source, ignore=shutil.ignore_patterns("target"))
    file = source / "src" / mutant.file
    text = file.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.file} no longer holds this line once"
    file.write_text(text.replace(mutant.old, mutant.new))
    stage = scene(image(mutant.machine, quartet(mutant.machine), QUARTET, source=source))
    found = killers(stage, list(every_attack(stage)))
    assert fnmatch.filter(found, mutant.killed_by), sorted(found)[:20]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine.name))
def test_the_unbroken_tcb_survives(machine: Machine) -> None:
    stage = scene(image(machine, quartet(machine), QUARTET))
    assert killers(stage, list(every_attack(stage))) == {}
