//! The Armv7-M MPU (Armv7-M ARM B3.5), and what the Armv6-M one has in common with it: RBAR with VALID and REGION names its slot, alias pairs take four slots a burst.

use crate::decide::boot::mpu_slots;
use crate::decide::program::{MPU_CTRL, MPU_RBAR, MPU_RNR};
use crate::firmware::Firmware;
use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

const MPU_TYPE: u32 = 0xE000_ED90;

/// Slots that the hardware has.
pub fn slots<F: Firmware>() -> u32 {
    const { assert!(F::ALL_SLOTS <= 16, "no Arm M-profile MPU has more slots") };
    // SAFETY: MPU_TYPE exists, zero, even where there is no MPU.
    mpu_slots(unsafe { read_volatile(MPU_TYPE as *const u32) })
}

/// Disables every slot, writes the static ones and switches the MPU on: from here on only the kernel's background map
/// and `fixed` are there.
///
/// # Safety
///
/// Called once, before the first partition runs. `fixed` points to the table's `F::STATIC_SLOTS` static pairs.
pub unsafe fn start<F: Firmware>(fixed: *const [u32; 2]) {
    let pair = MPU_RBAR as *mut u32;
    // SAFETY: MPU registers, written by privileged code that runs under the background map before and after; pairs of
    // the table by the contract.
    unsafe {
        write_volatile(MPU_CTRL as *mut u32, 0);
        for slot in 0..slots::<F>() {
            write_volatile(MPU_RNR as *mut u32, slot);
            write_volatile(pair, 0);
            write_volatile(pair.add(1), 0);
        }
        for index in 0..F::STATIC_SLOTS {
            let row = fixed.add(index).cast::<u32>();
            write_volatile(pair, read_volatile(row));
            write_volatile(pair.add(1), read_volatile(row.add(1)));
        }
        write_volatile(MPU_CTRL as *mut u32, F::MPU_CONTROL);
        asm!("dsb", "isb", options(nostack, preserves_flags));
    }
}

/// Nothing to open: without an MPU that is switched on, unprivileged code reaches all memory.
pub fn open() {}

/// Performs [`crate::decide::program::armv7m`] on `F::DYNAMIC_SLOTS` pairs.
///
/// # Safety
///
/// `words` points to that many pairs of the generated table; called by the kernel, which nothing unprivileged
/// interrupts while the MPU is off.
#[cfg(not(armv6m))]
pub unsafe fn load<F: Firmware>(words: *const [u32; 2]) {
    let mut source = words;
    // SAFETY: MPU registers; the kernel runs under the background map throughout.
    unsafe {
        write_volatile(MPU_CTRL as *mut u32, 0);
        asm!("dsb", options(nostack, preserves_flags));
        for _ in 0..F::DYNAMIC_SLOTS / 4 {
            asm!(
                "ldmia {source}!, {{r2, r3, r4, r5, r8, r9, r10, r12}}",
                "stmia {target}, {{r2, r3, r4, r5, r8, r9, r10, r12}}",
                source = inout(reg) source,
                target = in(reg) MPU_RBAR,
                out("r2") _, out("r3") _, out("r4") _, out("r5") _,
                out("r8") _, out("r9") _, out("r10") _, out("r12") _,
                options(nostack, preserves_flags),
            );
        }
        for _ in 0..F::DYNAMIC_SLOTS % 4 {
            asm!(
                "ldmia {source}!, {{r2, r3}}",
                "stmia {target}, {{r2, r3}}",
                source = inout(reg) source,
                target = in(reg) MPU_RBAR,
                out("r2") _, out("r3") _,
                options(nostack, preserves_flags),
            );
        }
        write_volatile(MPU_CTRL as *mut u32, F::MPU_CONTROL);
        asm!("dsb", "isb", options(nostack, preserves_flags));
    }
}
