"""Defects of the PMP's switch, and of entering and leaving the kernel on RV32."""

from __future__ import annotations

from functools import partial

from tests.hardware.machines import VIRT
from tests.hardware.manifests import with_static, with_twins
from tests.hardware.mutants.mutant import STORES, Mutant

_pmp = partial(Mutant, machine=VIRT, file="arch/pmp.rs")
_rv32 = partial(Mutant, machine=VIRT, file="arch/riscv.rs")

_WRITE = "let value = read_volatile($words.add($n - $first).cast::<u32>());"

RISCV = (
    _pmp(
        name="pmpcfg is not rewritten",
        old="each_config!(write_configs, F::FIRST_DYNAMIC_CFG, F::DYNAMIC_CFGS, config);",
        new="static mut WRITTEN: bool = false;\n        if WRITTEN { return; }\n        WRITTEN = true;\n"
        "        each_config!(write_configs, F::FIRST_DYNAMIC_CFG, F::DYNAMIC_CFGS, config);",
        killed_by="alpha/alpha.data/first/may-write",
    ),
    # The registers are right; what is missing is what a write of pmpcfg does besides: this emulator drops translations,
    # which hold the old addresses, when pmpcfg is written and not when pmpaddr is.
    _pmp(
        name="pmpcfg is rewritten only where it differs from the last one",
        old="let config = |index: usize| read_volatile(configs.add(index));",
        new="if read_volatile(configs) == 0xFFFF_FFFF { return; }\n        static mut LAST: [u32; 16] = [0; 16];\n"
        "        let config = |index: usize| read_volatile(configs.add(index));\n"
        "        if (0..F::DYNAMIC_CFGS).all(|index| LAST[index] == config(index)) { return; }\n"
        "        for index in 0..F::DYNAMIC_CFGS { LAST[index] = config(index); }",
        killed_by=STORES,
        manifest=with_twins,
    ),
    _pmp(
        name="an entry is not reloaded",
        old="if $n >= $first && $n < $first + $count {\n            let value = read",
        new="if $n >= $first && $n < $first + $count && $n != $first + 5 {\n            let value = read",
        killed_by="alpha/bravo.data/first/write",
    ),
    _pmp(
        name="the last entry stays stale",
        old="if $n >= $first && $n < $first + $count {\n            let value = read",
        new="if $n >= $first && $n + 1 < $first + $count {\n            let value = read",
        killed_by="bravo/shared:ring/first/read",
    ),
    _pmp(
        name="the order of the entries is reversed",
        old=_WRITE,
        new="let value = read_volatile($words.add($count - 1 - ($n - $first)).cast::<u32>());",
        killed_by="alpha/alpha.data/first/may-read",
    ),
    _pmp(
        name="the base of a TOR entry is not written",
        old='asm!("csrw {csr}, {0}", in(reg) value, csr = const 0x3B0 + $n, options(nostack));',
        new="if read_volatile($words.add($n - $first).cast::<u32>().add(1)) != 0 {\n"
        '                asm!("csrw {csr}, {0}", in(reg) value, csr = const 0x3B0 + $n, options(nostack));\n'
        "            }",
        killed_by="alpha/alpha.data/first/may-read",
    ),
    _pmp(
        name="the base of a TOR entry is a granule low",
        old='asm!("csrw {csr}, {0}", in(reg) value, csr = const 0x3B0 + $n, options(nostack));',
        new="let bound = read_volatile($words.add($n - $first).cast::<u32>().add(1)) == 0;\n"
        '            asm!("csrw {csr}, {0}", in(reg) value.wrapping_sub(u32::from(bound && value != 0)), '
        "csr = const 0x3B0 + $n, options(nostack));",
        killed_by="alpha/ram-gap-0/last/write",
    ),
    _pmp(
        name="a static entry is overwritten",
        old="let config = |index: usize| read_volatile(configs.add(index));",
        new='asm!("csrw pmpcfg2, zero", options(nostack));\n'
        "        let config = |index: usize| read_volatile(configs.add(index));",
        killed_by="alpha/shared:notice/first/may-read",
        manifest=with_static,
        alone="shared:notice",
    ),
    # The first call is taken for the kernel's own trap, and the firmware stands still before anything is attacked.
    _rv32(
        name="tasks keep machine mode",
        old="context.mstatus = MSTATUS_TASK;",
        new="context.mstatus = MSTATUS_TASK | MPP;",
        killed_by="alpha/registers/at-start",
    ),
    _rv32(
        name="a register is saved below the task's stack pointer",
        old='"sw t0, 8(sp)",',
        new='"sw t0, 8(sp)",\n        "srli t1, t0, 24", "li t2, 0x81", "bne t1, t2, 8f", "sw t0, -8(t0)", "8:",',
        killed_by="alpha/stack-pointer/bravo-bottom/call",
    ),
    _rv32(
        name="a register is not restored",
        old='"lw x27, 108(sp)",',
        new="",
        killed_by="bravo/registers/at-start",
    ),
    _rv32(
        name="a task begins with another's registers",
        old="clear(context.cast(), size_of::<Context>() / 4);",
        new="let _ = clear; for word in 8..28 { (*context).x[word] = 7; }",
        killed_by="alpha/registers/at-start",
    ),
)
