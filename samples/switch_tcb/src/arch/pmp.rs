//! The PMP (privileged ISA 3.7). CSR numbers are part of the instruction, so each access of a switch is spelt out; what a
//! firmware does not have disappears from its image.

use crate::firmware::Firmware;
use core::arch::{asm, naked_asm};
use core::ptr::read_volatile;

/// Skips the instruction that trapped: a CSR that is not there reads as what was in the register before.
#[unsafe(naked)]
pub unsafe extern "C" fn skip() {
    naked_asm!(
        ".balign 4",
        "csrw mscratch, t0",
        "csrr t0, mepc",
        "addi t0, t0, 4",
        "csrw mepc, t0",
        "csrr t0, mscratch",
        "csrw mscratch, zero",
        "mret",
    )
}

macro_rules! each_entry {
    ($macro:ident, $($context:tt)*) => {
        $macro!($($context)*;
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63)
    };
}

/// The most entries that the PMP of any core has.
const MOST: usize = 64;

/// Writes `value` to the address register of entry `index`, which is one of the plan's or the next one, and returns
/// what it held; where it is missing, `value`, if [`skip`] handles traps. For boot: a switch spells its writes out.
///
/// # Safety
///
/// No entry is enabled yet.
#[unsafe(naked)]
unsafe extern "C" fn exchange<F: Firmware>(value: u32, index: usize) -> u32 {
    naked_asm!(
        "la t0, 2f",
        "slli a1, a1, 3",
        "add t0, t0, a1",
        "jr t0",
        ".balign 8",
        "2:",
        ".set lp_pmpaddr, 0x3B0",
        ".rept {count}",
        "csrrw a0, lp_pmpaddr, a0",
        "ret",
        ".balign 8",
        ".set lp_pmpaddr, lp_pmpaddr + 1",
        ".endr",
        count = const if F::ALL_SLOTS < MOST { F::ALL_SLOTS + 1 } else { MOST },
    )
}

/// Entries that the hardware has for the plan, or one more than planned if it has more. Found by writing: a missing
/// one reads as zero, or traps and is skipped; one that a boot loader locked keeps what it holds.
pub fn slots<F: Firmware>() -> u32 {
    let mut found = 0;
    // SAFETY: no entry is enabled yet; each is left zero, as it was at reset.
    unsafe {
        let before: u32;
        asm!("csrrw {0}, mtvec, {1}", out(reg) before, in(reg) skip as *const () as u32, options(nomem, nostack));
        // One more than planned is enough to see that there are more.
        for index in 0..MOST.min(F::ALL_SLOTS + 1) {
            exchange::<F>(u32::MAX, index);
            let (seen, left) = (exchange::<F>(0, index), exchange::<F>(0, index));
            // What cannot be written is locked: whatever it grants, no switch would take it away.
            found += u32::from(seen != 0 && (left == 0 || index >= F::ALL_SLOTS));
        }
        asm!("csrw mtvec, {0}", in(reg) before, options(nomem, nostack));
    }
    found
}

macro_rules! write_addresses {
    ($first:expr, $count:expr, $words:ident; $($n:literal)*) => { $(
        if $n >= $first && $n < $first + $count {
            let value = read_volatile($words.add($n - $first).cast::<u32>());
            asm!("csrw {csr}, {0}", in(reg) value, csr = const 0x3B0 + $n, options(nostack));
        }
    )* };
}

macro_rules! write_configs {
    ($first:expr, $count:expr, $value:expr; $($n:literal)*) => { $(
        if $n >= $first && $n < $first + $count {
            let value: u32 = $value($n - $first);
            asm!("csrw {csr}, {0}", in(reg) value, csr = const 0x3A0 + $n, options(nostack));
        }
    )* };
}

macro_rules! each_config {
    ($macro:ident, $($context:tt)*) => { $macro!($($context)*; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
}

/// What `pmpcfg` number `register` holds after boot: the bytes of static entries, zero for all others.
///
/// # Safety
///
/// `fixed` points to `count` pairs, for the entries from `first` on.
#[inline(never)]
unsafe fn boot_config(fixed: *const [u32; 2], count: usize, first: usize, register: usize) -> u32 {
    let mut word = 0;
    for byte in 0..4 {
        let row = (register * 4 + byte).wrapping_sub(first);
        if row < count {
            // SAFETY: by the contract.
            word |= unsafe { read_volatile(fixed.add(row).cast::<u32>().add(1)) } << (8 * byte);
        }
    }
    word
}

/// Writes the static entries, and disables all others.
///
/// # Safety
///
/// Called once, before the first partition runs. `fixed` points to the table's `F::STATIC_SLOTS` static pairs.
pub unsafe fn start<F: Firmware>(fixed: *const [u32; 2]) {
    // SAFETY: rows of the table, by the contract.
    let config = |register| unsafe { boot_config(fixed, F::STATIC_SLOTS, F::FIRST_STATIC_SLOT, register) };
    // SAFETY: M-mode is not bound by entries without the lock bit, and the table locks the kernel's own alone.
    unsafe {
        for row in 0..F::STATIC_SLOTS {
            exchange::<F>(read_volatile(fixed.add(row).cast()), F::FIRST_STATIC_SLOT + row);
        }
        each_config!(write_configs, 0, F::ALL_SLOTS.div_ceil(4), config);
    }
}

/// Lets U-mode reach everything: without a plan nothing is kept apart, and without an entry U-mode reaches nothing.
pub fn open() {
    // SAFETY: entry 0, all addresses (NAPOT), read, write and execute.
    unsafe {
        asm!("csrw pmpaddr0, {0}", "csrw pmpcfg0, {1}", in(reg) u32::MAX, in(reg) 0x1F, options(nomem, nostack));
    }
}

/// Performs [`crate::decide::program::pmp`]: addresses upward, then whole configuration words, which also drop
/// translations that the core may hold.
///
/// # Safety
///
/// `words` points to `F::DYNAMIC_SLOTS` pairs and `configs` to `F::DYNAMIC_CFGS` words of the generated table.
pub unsafe fn load<F: Firmware>(words: *const [u32; 2], configs: *const u32) {
    // SAFETY: as in `start`; no unprivileged code runs in between.
    unsafe {
        each_entry!(write_addresses, F::FIRST_DYNAMIC_SLOT, F::DYNAMIC_SLOTS, words);
        let config = |index: usize| read_volatile(configs.add(index));
        each_config!(write_configs, F::FIRST_DYNAMIC_CFG, F::DYNAMIC_CFGS, config);
    }
}
