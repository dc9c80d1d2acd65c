"""Defects of the three Arm MPUs' switches, and of entering and leaving the kernel there."""

from __future__ import annotations

from functools import partial

from tests.hardware.machines import AN385, AN386, AN505, ARMV6M_ON_AN385
from tests.hardware.manifests import with_more_slots, with_static
from tests.hardware.mutants.mutant import EXCEPTIONS, STORES, Mutant

_v6 = partial(Mutant, machine=ARMV6M_ON_AN385, file="arch/armv6m.rs")
_v7 = partial(Mutant, machine=AN385, file="arch/armv7m.rs")
_v8 = partial(Mutant, machine=AN505, file="arch/armv8m.rs")

_BELOW = r"lsrs r2, r0, #29\ncmp r2, #1\nbne 7f"
"""Only where the stack pointer leads into RAM: the idle loop has none."""

_ARMV6M = (
    _v6(
        name="Armv6-M: a slot is not reloaded",
        old="for index in 0..F::DYNAMIC_SLOTS {",
        new="for index in (0..F::DYNAMIC_SLOTS).filter(|index| *index != 3) {",
        killed_by="alpha/shared:ring/first/may-read",
    ),
    _v6(
        name="Armv6-M: the last slot stays stale",
        old="for index in 0..F::DYNAMIC_SLOTS {",
        new="for index in 0..F::DYNAMIC_SLOTS - 1 {",
        killed_by="alpha/alpha.data/last/may-read",
    ),
    _v6(
        name="Armv6-M: the MPU stays off after a switch",
        old="for index in 0..F::DYNAMIC_SLOTS {",
        new="if true { return; }\n        for index in 0..F::DYNAMIC_SLOTS {",
        killed_by="alpha/bravo.data/first/write",
    ),
    _v6(
        name="Armv6-M: a static slot is overwritten",
        old="for index in 0..F::DYNAMIC_SLOTS {",
        new="write_volatile(MPU_RBAR as *mut [u32; 2], [0x10, 0]);\n        for index in 0..F::DYNAMIC_SLOTS {",
        killed_by="alpha/shared:notice/first/may-read",
        manifest=with_static,
        alone="shared:notice",
    ),
    _v6(
        name="Armv6-M: tasks keep the privilege",
        file="arch/cortex_m.rs",
        old="(EXC_RETURN_TASK, UNPRIVILEGED);",
        new="(EXC_RETURN_TASK, 0 & UNPRIVILEGED);",
        killed_by="alpha/kernel-stack/first/write",
    ),
    _v6(
        name="Armv6-M: the context is saved below the task's stack pointer",
        file="arch/cortex_m.rs",
        old='"stmia r3!, {{r4-r7}}\\n',
        new=f'"{_BELOW}\\nsubs r0, #16\\nstmia r0!, {{{{r4-r7}}}}\\n7: stmia r3!, {{{{r4-r7}}}}\\n',
        killed_by="bravo/stack-pointer/just-fits-4/call",
    ),
    _v6(
        name="Armv6-M: a high register is not restored",
        file="arch/cortex_m.rs",
        old="mov r10, r6\\nmov r11, r7\\n",
        new="mov r10, r6\\n",
        killed_by="bravo/registers/at-start",
    ),
    _v6(
        name="Armv6-M: a high register is not saved",
        file="arch/cortex_m.rs",
        old="mov r4, r8\\n",
        new="",
        killed_by="alpha/registers/kept",
    ),
    _v6(
        name="Armv6-M: a call that is still pended is taken for the next task's",
        file="arch/cortex_m.rs",
        old="super::armv6m::through_the_idle_loop(&mut kernel.turn);",
        new="let _ = super::armv6m::through_the_idle_loop;",
        killed_by=EXCEPTIONS,
    ),
)

_ARMV7M = (
    _v7(
        name="a slot is not reloaded",
        old='"stmia {target}, {{r2, r3}}",',
        new='"/* {target} */",',
        killed_by="alpha/alpha.data/first/may-read",
    ),
    _v7(
        name="the last slot stays stale where a partition needs one less",
        old="for _ in 0..F::DYNAMIC_SLOTS % 4 {",
        new="for _ in 0..F::DYNAMIC_SLOTS % 4 { if read_volatile(source)[1] == 0 { break; }",
        killed_by="bravo/alpha.data/last/read",
    ),
    _v7(
        name="the first four slots are not reloaded",
        old='"stmia {target}, {{r2, r3, r4, r5, r8, r9, r10, r12}}",',
        new='"/* {target} */",',
        killed_by="alpha/alpha.data/first/may-read",
    ),
    _v7(
        name="the MPU stays off after a switch",
        old="for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        new="if true { return; }\n        for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        killed_by="alpha/bravo.data/first/write",
    ),
    _v7(
        name="a static slot is overwritten",
        old="for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        new="write_volatile(MPU_RBAR as *mut [u32; 2], [0x10, 0]);\n        for _ in 0..F::DYNAMIC_SLOTS / 4 {",
        killed_by="alpha/shared:notice/first/may-read",
        manifest=with_static,
        alone="shared:notice",
    ),
    _v7(
        name="static slots are not written",
        old="for index in 0..F::STATIC_SLOTS {",
        new="for index in 0..F::STATIC_SLOTS.min(0) {",
        killed_by="alpha/shared:notice/first/may-read",
        manifest=with_static,
        alone="shared:notice",
    ),
    _v7(
        name="the context is saved below the task's stack pointer",
        file="arch/cortex_m.rs",
        old='"stmia r3!, {{r4-r11}}"',
        new=f'"{_BELOW}\\nstmdb r0, {{{{r4-r11}}}}\\n7: stmia r3!, {{{{r4-r11}}}}"',
        killed_by="bravo/stack-pointer/just-fits-32/call",
    ),
    _v7(
        name="registers are not restored",
        file="arch/cortex_m.rs",
        old='"ldmia r0!, {{r4-r11}}\\n',
        new='"add r0, r0, #32\\n',
        killed_by="alpha/registers/kept",
    ),
    _v7(
        name="a fault is forgiven but not cleared",
        file="arch/status.rs",
        old="write_volatile(CFSR, self.cfsr);",
        new="",
        killed_by="alpha/bravo.data/first/write",
    ),
    _v7(
        name="what a fault left pended is taken for the next task's",
        file="arch/status.rs",
        old="read_volatile(SHCSR) & !SHCSR_PENDED",
        new="read_volatile(SHCSR) & !(SHCSR_PENDED & 0)",
        killed_by=EXCEPTIONS,
    ),
    _v7(
        name="FP registers are not cleared",
        file="arch/cortex_m.rs",
        old='"vldmia r0, {{d0-d15}}\\n",',
        new="",
        killed_by="alpha/fp/left-by-bravo",
        machine=AN386,
    ),
    _v7(
        name="FP registers are not saved",
        file="arch/cortex_m.rs",
        old="addeq r3, r3, #8\\nvstmiaeq r3, {{s16-s31}}",
        new="addeq r3, r3, #8\\nnopeq",
        killed_by="alpha/fp/marks-0",
        machine=AN386,
    ),
)

_ARMV8M = (
    _v8(
        name="Armv8-M: the MPU stays off after a switch",
        old="write_volatile(MPU_CTRL as *mut u32, 0);\n        asm!",
        new="write_volatile(MPU_CTRL as *mut u32, 0);\n        if true { return; }\n        asm!",
        killed_by="alpha/bravo.data/first/write",
    ),
    _v8(
        name="Armv8-M: four slots are not reloaded",
        old='"stmia {target}, {{r2, r3, r4, r5, r8, r9, r10, r12}}",',
        new='"/* {target} */",',
        killed_by="alpha/alpha.data/first/may-read",
    ),
    _v8(
        name="Armv8-M: a slot is not reloaded",
        old='"stmia {target}, {{r2, r3}}",',
        new='"/* {target} */",',
        killed_by="alpha/shared:more0/first/may-read",
        manifest=with_more_slots,
    ),
    _v8(
        name="Armv8-M: the last slots stay stale where a partition needs fewer",
        old="            } else {\n                asm!",
        new="            } else if read_volatile(source)[1] == 0 { break;\n            } else {\n                asm!",
        killed_by="bravo/alpha.data/first/read",
        manifest=with_more_slots,
    ),
    _v8(
        name="Armv8-M: the second bank is not selected",
        old="(slot & !3) as u32",
        new="(slot & !7) as u32",
        killed_by="alpha/shared:more0/first/may-read",
        manifest=with_more_slots,
    ),
    _v8(
        name="Armv8-M: a static slot is overwritten",
        old="write_volatile(MPU_CTRL as *mut u32, 0);\n        asm!",
        new="write_volatile(MPU_CTRL as *mut u32, 0);\n        write_volatile(MPU_RNR as *mut u32, 4);\n"
        "        write_volatile((MPU_RBAR + 4) as *mut u32, 0);\n        asm!",
        killed_by="alpha/shared:notice/first/may-read",
        manifest=with_static,
        alone="shared:notice",
    ),
    _v8(
        name="Armv8-M: tasks keep the privilege",
        file="arch/cortex_m.rs",
        old="(EXC_RETURN_TASK, UNPRIVILEGED);",
        new="(EXC_RETURN_TASK, 0 & UNPRIVILEGED);",
        killed_by="alpha/kernel-stack/first/write",
    ),
    _v8(
        name="Armv8-M: the context is saved below the task's stack pointer",
        file="arch/cortex_m.rs",
        old='"stmia r3!, {{r4-r11}}"',
        new=f'"{_BELOW}\\nstmdb r0, {{{{r4-r11}}}}\\n7: stmia r3!, {{{{r4-r11}}}}"',
        killed_by="alpha/stack-pointer/just-fits-32/call",
    ),
    # QEMU has no caches: what a region's memory type is makes no difference to any access.
    _v8(
        name="Armv8-M: the memory types are not set",
        old="write_volatile(MPU_MAIR0 as *mut [u32; 2], F::MEMORY_ATTRIBUTES);",
        new="let _ = (MPU_MAIR0, F::MEMORY_ATTRIBUTES);",
        killed_by=STORES,
    ),
)

# Two defects have no entry here.
# PSPLIM not set: needs a table with a hole below the stack, and dies in ``test_broken_tables.py``.
# FPCCR.LSPEN left set where contexts hold FP registers: QEMU shows no byte of another partition that changes. The entry
# saves s16-s31 before the regions change, and by that makes the hardware store the rest by the attacker's own regions.
# Where nobody saves FP registers the attack works, and ``test_boot_state.py`` has it.
ARM = (*_ARMV6M, *_ARMV7M, *_ARMV8M)
