//! The state of a Cortex-M that the kernel rests on and that is reset's only if no boot loader ran before.

use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

const CCR: *mut u32 = 0xE000_ED14 as *mut u32;
const SHPR1: *mut u32 = 0xE000_ED18 as *mut u32;
const NVIC_ICER: *mut u32 = 0xE000_E180 as *mut u32;
const NVIC_IPR: *mut u32 = 0xE000_E400 as *mut u32;
const CPACR: *mut u32 = 0xE000_ED88 as *mut u32;
#[cfg(target_abi = "eabihf")]
const FPCCR: *mut u32 = 0xE000_EF34 as *mut u32;

/// Words of NVIC_ICER, and of NVIC_IPR: Armv6-M has 32 interrupts, and defines nothing behind their registers.
const INTERRUPT_WORDS: [usize; 2] = if cfg!(armv6m) { [1, 8] } else { [16, 124] };
/// NONBASETHRDENA, which lets a handler return to a task while another is active, and USERSETMPEND, which lets tasks
/// raise interrupts (Armv7-M ARM B3.2.8).
const CCR_LOOSE: u32 = 0b11;
/// Full access to CP10 and CP11, which are the FPU; none to any other coprocessor.
#[cfg(target_abi = "eabihf")]
const COPROCESSORS: u32 = 0xF << 20;
/// None: contexts hold no coprocessor's registers. An FPU that is on all the same stores a partition's registers when the
/// next one uses it, to where the first left its stack pointer, by the regions of the second.
#[cfg(not(target_abi = "eabihf"))]
const COPROCESSORS: u32 = 0;
/// Lazy stacking, and that a save is still to be done (Armv7-M ARM B1.5.7).
#[cfg(target_abi = "eabihf")]
const FPCCR_LAZY: u32 = 1 << 30 | 1;

/// One priority for every exception, no interrupt enabled, no coprocessor on but the one that contexts hold.
///
/// # Safety
///
/// Called at boot, before any FP instruction and before an interrupt is unmasked.
pub unsafe fn settle() {
    // SAFETY: architected registers; zero is legal in all of them, and ignored where an interrupt does not exist.
    unsafe {
        for word in 0..INTERRUPT_WORDS[0] {
            write_volatile(NVIC_ICER.add(word), u32::MAX);
        }
        for word in 0..INTERRUPT_WORDS[1] {
            write_volatile(NVIC_IPR.add(word), 0);
        }
        for word in 0..3 {
            write_volatile(SHPR1.add(word), 0);
        }
        write_volatile(CCR, read_volatile(CCR) & !CCR_LOOSE);
        write_volatile(CPACR, COPROCESSORS);
        asm!("dsb", "isb", options(nostack, preserves_flags));
        #[cfg(target_abi = "eabihf")]
        write_volatile(FPCCR, read_volatile(FPCCR) & !FPCCR_LAZY);
    }
}
