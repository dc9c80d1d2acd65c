//! What interrupts a RISC-V core: the machine timer, and the PLIC as far as one core in M-mode needs it.

use super::opaque;
use crate::firmware::{Firmware, Policy};
use core::ptr::{read_volatile, write_volatile};

const PRIORITY: u32 = 0;
const ENABLE: u32 = 0x2000;
const THRESHOLD: u32 = 0x20_0000;
const CLAIM: u32 = 0x20_0004;

/// Where the product has it. Kept in a variable, so that masking is one function and not one for each product.
static mut BASE: u32 = 0;

/// The next slice: the timer fires when `mtime` has moved on by `SLICE`.
pub fn timer<F: Firmware>() {
    let (mtime, mtimecmp) = (F::Policy::MTIME as *const u32, F::Policy::MTIMECMP as *mut u32);
    // SAFETY: the machine timer of the product's core. The high half goes out of reach first, so that no half-written
    // comparison fires.
    unsafe {
        let (mut high, mut low) = (read_volatile(mtime.add(1)), read_volatile(mtime));
        if read_volatile(mtime.add(1)) != high {
            (high, low) = (read_volatile(mtime.add(1)), 0);
        }
        let (low, carry) = low.overflowing_add(F::Policy::SLICE);
        write_volatile(mtimecmp.add(1), u32::MAX);
        write_volatile(mtimecmp, low);
        write_volatile(mtimecmp.add(1), high + u32::from(carry));
    }
}

/// Every interrupt of the table gets a priority above the threshold, and stays disabled until its task waits.
pub fn start<F: Firmware>() {
    // SAFETY: the product's PLIC; nothing else touches it.
    unsafe {
        BASE = F::Policy::PLIC;
        write_volatile((BASE + THRESHOLD) as *mut u32, 0);
        for [interrupt, _] in &*opaque(F::parts().interrupts) {
            write_volatile((BASE + PRIORITY + interrupt * 4) as *mut u32, 1);
        }
    }
}

/// The interrupt that fired, if it has not gone away again.
pub fn claim<F: Firmware>() -> Option<u32> {
    let register = (F::Policy::PLIC + CLAIM) as *mut u32;
    // SAFETY: as above. Masked before it is completed: it must not fire again before its task has run.
    unsafe {
        let interrupt = read_volatile(register);
        (interrupt != 0).then(|| {
            write_volatile(register, interrupt);
            mask(interrupt);
            interrupt
        })
    }
}

/// Keeps the interrupt from firing.
#[inline]
pub fn mask(interrupt: u32) {
    enable(interrupt, false);
}

/// Lets the interrupt fire.
#[inline]
pub fn unmask(interrupt: u32) {
    enable(interrupt, true);
}

#[inline(never)]
fn enable(interrupt: u32, on: bool) {
    let bit = 1 << (interrupt % 32);
    // SAFETY: as above; `BASE` is written once, at boot. The threshold is as it was: QEMU's PLIC looks at what is pending
    // already when it is written, and not when an interrupt is enabled.
    unsafe {
        let register = (BASE + ENABLE + interrupt / 32 * 4) as *mut u32;
        let others = read_volatile(register) & !bit;
        write_volatile(register, if on { others | bit } else { others });
        write_volatile((BASE + THRESHOLD) as *mut u32, 0);
    }
}
