"""Defects of what the TCB decides, on any architecture, and of what its Arm parts share."""

from __future__ import annotations

from functools import partial

from tests.hardware.machines import AN385
from tests.hardware.mutants.mutant import Mutant

_on_arm = partial(Mutant, machine=AN385)

DECISIONS = (
    _on_arm(
        name="regions are loaded once and never again",
        file="arch/mod.rs",
        old="unsafe { LOADED } != partition {",
        new="unsafe { LOADED } == usize::MAX {",
        killed_by="bravo/alpha.data/first/read",
    ),
    _on_arm(
        name="pointers are believed",
        file="decide/grants.rs",
        old="owner as usize == partition && low <= start",
        new="(owner as usize == partition || true) && low <= start",
        killed_by="alpha/send/bravo.data",
        alone="/send/",
    ),
    _on_arm(
        name="the end of a pointer's range is not looked at",
        file="decide/grants.rs",
        old="end <= high && held",
        new="(end <= high || true) && held",
        killed_by="alpha/send/across-the-end",
        alone="/send/",
    ),
    _on_arm(
        name="a range that wraps round is believed",
        file="decide/grants.rs",
        old="let Some(end) = start.checked_add(length) else { return false };",
        new="let end = start.wrapping_add(length);",
        killed_by="alpha/send/wraps-to-itself",
        alone="/send/",
    ),
    _on_arm(
        name="what may be read may be sent",
        file="decide/kernel.rs",
        old="start, length, READ | WRITE) {",
        new="start, length, READ | WRITE & 0) {",
        killed_by="alpha/send/shared:ring",
        alone="/send/",
    ),
    _on_arm(
        name="a restart keeps the old memory",
        file="decide/kernel.rs",
        old="if response == Response::Restart {",
        new="if response == Response::Restart && false {",
        killed_by="delta/restart/statics",
        alone="/restart/",
    ),
    _on_arm(
        name="a restart sets everybody's memory anew",
        file="decide/grants.rs",
        old="if owner as usize != partition || rights",
        new="if (owner as usize != partition && false) || rights",
        killed_by="delta/restart/neighbour-kept",
    ),
    _on_arm(
        name="the stack pointer is believed",
        file="decide/table.rs",
        old="start >= low && start.is_multiple_of(8) && start <= high && high - start >= size",
        new="start >= low || start <= high || size > 0",
        killed_by="alpha/stack-pointer/beyond-own/call",
    ),
    _on_arm(
        name="tasks keep the privilege",
        file="arch/cortex_m.rs",
        old="(EXC_RETURN_TASK, UNPRIVILEGED);",
        new="(EXC_RETURN_TASK, 0 & UNPRIVILEGED);",
        killed_by="alpha/kernel-stack/first/write",
    ),
    _on_arm(
        name="a task begins with another's registers",
        file="arch/cortex_m.rs",
        old="(context.psp, context.psplim) = (frame as u32, low);",
        new="(context.psp, context.psplim, context.callee_saved) = (frame as u32, low, [7; 8]);",
        killed_by="alpha/registers/at-start",
    ),
    _on_arm(
        name="a task that begins again finds what was on its stack",
        file="arch/cortex_m.rs",
        old="clear(frame, 8);",
        new="",
        killed_by="alpha/restart/registers",
    ),
    _on_arm(
        name="a breakpoint halts the firmware",
        file="arch/cortex_m.rs",
        old="if cause == NMI || status",
        new="if cause <= 3 || cause == NMI || status",
        killed_by="alpha/privileged/breakpoint",
    ),
)
