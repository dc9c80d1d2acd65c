//! Armv6-M: its MPU has no alias registers (Armv6-M ARM B3.5), its core one fault exception and no fault status.

pub use super::armv7m::{open, slots, start};

use super::vectors::pend_switch;
use crate::decide::fault::{FaultKind, classify_armv6m};
use crate::decide::kernel::{Kernel, Turn};
use crate::decide::program::{MPU_CTRL, MPU_RBAR};
use crate::firmware::Firmware;
use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

const HARD_FAULT: u32 = 3;

/// What the core says of faults: nothing but that there was one.
pub struct Status;

impl Status {
    /// There is nothing to enable.
    #[inline]
    pub fn start() {}

    /// There is nothing to read.
    #[inline]
    pub fn read() -> Self {
        Self
    }

    /// Whether anything faulted.
    #[inline]
    pub fn faulted(&self, cause: u32) -> bool {
        cause == HARD_FAULT
    }

    /// What no task can bring about locks this core up.
    #[inline]
    pub fn broken(&self) -> bool {
        false
    }

    /// The address of the kernel's own fault is not known.
    #[inline]
    pub fn address(&self) -> u32 {
        u32::MAX
    }

    /// What the running task did, if it did anything.
    #[inline]
    pub fn classify(
        &self,
        kernel: &Kernel<'_>,
        cause: u32,
        psp: u32,
        pc: Option<u32>,
    ) -> Option<(FaultKind, Option<u32>)> {
        classify_armv6m(&kernel.table, kernel.turn.task, cause == HARD_FAULT, psp, pc)
    }

    /// There is nothing to clear.
    #[inline]
    pub fn clear(&self) {}
}

/// A call whose frame could not be stored stays pended behind the HardFault, and no register that every Armv6-M core has
/// unpends it: it would be taken for the next task's. So the kernel leaves to the idle loop once, where a call counts for
/// nothing, and is entered again for the switch, because SVCall goes before PendSV.
#[inline]
pub fn through_the_idle_loop(turn: &mut Turn) {
    turn.idle = true;
    pend_switch();
}

/// Performs [`crate::decide::program::armv6m`] on `F::DYNAMIC_SLOTS` pairs.
///
/// # Safety
///
/// `words` points to that many pairs of the generated table; called by the kernel, which nothing unprivileged
/// interrupts while the MPU is off.
pub unsafe fn load<F: Firmware>(words: *const [u32; 2]) {
    // SAFETY: MPU registers; the kernel runs under the background map throughout.
    unsafe {
        write_volatile(MPU_CTRL as *mut u32, 0);
        asm!("dsb", options(nostack, preserves_flags));
        for index in 0..F::DYNAMIC_SLOTS {
            let row = words.add(index).cast::<u32>();
            write_volatile(MPU_RBAR as *mut u32, read_volatile(row));
            write_volatile((MPU_RBAR + 4) as *mut u32, read_volatile(row.add(1)));
        }
        write_volatile(MPU_CTRL as *mut u32, F::MPU_CONTROL);
        asm!("dsb", "isb", options(nostack, preserves_flags));
    }
}
