//! The fault status registers of Armv7-M and Armv8-M mainline (Armv7-M ARM B3.2.13 to B3.2.18).

use crate::decide::fault::{ArmStatus, FaultKind, classify};
use crate::decide::kernel::Kernel;
use core::ptr::{read_volatile, write_volatile};

const SHCSR: *mut u32 = 0xE000_ED24 as *mut u32;
const CFSR: *mut u32 = 0xE000_ED28 as *mut u32;
const HFSR: *mut u32 = 0xE000_ED2C as *mut u32;
const MMFAR: *mut u32 = 0xE000_ED34 as *mut u32;
const BFAR: *mut u32 = 0xE000_ED38 as *mut u32;
/// MemManage, BusFault and UsageFault enabled: a partition's fault must not become a HardFault.
const SHCSR_FAULTS: u32 = 0b111 << 16;
/// UsageFault, MemManage, BusFault and SVCall pended.
const SHCSR_PENDED: u32 = 0b1111 << 12;
/// The vector table could not be read: nothing a task can bring about.
const HFSR_VECTTBL: u32 = 1 << 1;
const HARD_FAULT: u32 = 3;
const DEBUG_MONITOR: u32 = 12;

/// What the core says of faults.
pub struct Status {
    cfsr: u32,
    hfsr: u32,
}

impl Status {
    /// Each fault gets its own exception.
    #[inline]
    pub fn start() {
        // SAFETY: an architected register; the three bits that exist for this.
        unsafe { write_volatile(SHCSR, SHCSR_FAULTS) };
    }

    /// Reads the registers; they keep what they hold.
    #[inline]
    pub fn read() -> Self {
        // SAFETY: architected registers without effects of reading.
        unsafe { Self { cfsr: read_volatile(CFSR), hfsr: read_volatile(HFSR) } }
    }

    /// Whether anything faulted, on the way in or late.
    #[inline]
    pub fn faulted(&self, _: u32) -> bool {
        self.cfsr != 0
    }

    /// What no task can bring about.
    #[inline]
    pub fn broken(&self) -> bool {
        self.hfsr & HFSR_VECTTBL != 0
    }

    /// The address of the kernel's own fault.
    #[inline]
    pub fn address(&self) -> u32 {
        // SAFETY: as in `read`.
        unsafe { read_volatile(if self.cfsr & 0xFF != 0 { MMFAR } else { BFAR }) }
    }

    /// What the running task did, if it did anything. Whatever else came in, it has faulted if there is any status:
    /// on the way in (its stack), or by a store that the bus refused late.
    #[inline]
    pub fn classify(&self, _: &Kernel<'_>, cause: u32, psp: u32, pc: Option<u32>) -> Option<(FaultKind, Option<u32>)> {
        if self.cfsr != 0 {
            // SAFETY: as in `read`.
            let (mmfar, bfar) = unsafe { (read_volatile(MMFAR), read_volatile(BFAR)) };
            Some(classify(ArmStatus { cfsr: self.cfsr, mmfar, bfar, pc }))
        } else if cause == HARD_FAULT || cause == DEBUG_MONITOR {
            // A breakpoint without a debugger becomes a HardFault. Nobody else can cause one from a task.
            Some((FaultKind::Breakpoint, pc))
        } else if pc.is_none() {
            Some((FaultKind::StackPointer, Some(psp)))
        } else {
            None
        }
    }

    /// What is pended belongs to the task that faulted, and must not be taken for the next one's.
    #[inline]
    pub fn clear(&self) {
        // SAFETY: status bits are cleared by writing ones; of SHCSR the active bits are written back as read.
        unsafe {
            write_volatile(CFSR, self.cfsr);
            write_volatile(HFSR, self.hfsr);
            write_volatile(SHCSR, read_volatile(SHCSR) & !SHCSR_PENDED);
        }
    }
}
