//! The vector table of the Arm cores, and what runs from reset to the first switch.

use super::cortex_m::{self, entry};
use super::start;
use crate::firmware::{Firmware, Policy};
use core::arch::naked_asm;
use core::ptr::write_volatile;

const ICSR: *mut u32 = 0xE000_ED04 as *mut u32;
/// `VTOR`. Optional on Armv6-M: where it is missing the table has to be at 0, where the script puts it on such chips.
pub const VTOR: u32 = 0xE000_ED08;
const SYST_CSR: *mut u32 = 0xE000_E010 as *mut u32;
const SYST_RVR: *mut u32 = 0xE000_E014 as *mut u32;
const ICSR_PENDSVSET: u32 = 1 << 28;

/// An exception handler, as the vector table holds it.
pub type Handler = unsafe extern "C" fn();

/// The vector table: every exception enters the kernel at one place.
#[repr(C, align(256))]
pub struct Vectors<const INTERRUPTS: usize> {
    stack: *const u32,
    reset: unsafe extern "C" fn() -> !,
    exceptions: [Handler; 14],
    interrupts: [Handler; INTERRUPTS],
}

// SAFETY: immutable; the stack pointer in it is an address that only the hardware loads.
unsafe impl<const INTERRUPTS: usize> Sync for Vectors<INTERRUPTS> {}

impl<const INTERRUPTS: usize> Vectors<INTERRUPTS> {
    /// The table of firmware `F`.
    pub const fn new<F: Firmware>(stack: *const u32, reset: unsafe extern "C" fn() -> !) -> Self {
        Self { stack, reset, exceptions: [entry::<F>; 14], interrupts: [entry::<F>; INTERRUPTS] }
    }
}

/// Vectors needed for the interrupts of the table.
pub const fn interrupt_vectors(interrupts: &[[u32; 2]]) -> usize {
    let (mut index, mut count) = (0, 0);
    while index < interrupts.len() {
        if interrupts[index][0] as usize >= count {
            count = interrupts[index][0] as usize + 1;
        }
        index += 1;
    }
    count
}

/// Defines the vector table and `Reset`, which the linker script names as the entry point.
#[macro_export]
#[doc(hidden)]
macro_rules! __vectors {
    ($firmware:ident, $table:ident) => {
        unsafe extern "C" {
            static __lp_kernel_stack_end: u32;
        }

        #[used]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".vector_table")]
        static LP_VECTORS: $crate::arch::Vectors<{ $crate::arch::interrupt_vectors(&$table::LP_INTERRUPTS) }> =
            $crate::arch::Vectors::new::<$firmware>(&raw const __lp_kernel_stack_end, Reset);

        /// Where the core starts.
        #[allow(non_snake_case, reason = "the name that Arm's own start-up code has")]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn Reset() -> ! {
            core::arch::naked_asm!(
                // Nothing may enter the kernel before its memory is laid out, whatever a boot loader left running.
                "cpsid i",
                "ldr r0, ={vtor}",
                "ldr r1, ={vectors}",
                "str r1, [r0]",
                "ldr r0, ={reset}",
                "bx r0",
                ".ltorg",
                vtor = const $crate::arch::VTOR,
                vectors = sym LP_VECTORS,
                reset = sym $crate::arch::reset::<$firmware>,
            )
        }
    };
}

/// Lays the kernel's memory out, then starts; ends as the idle loop, privileged, on the main stack.
///
/// # Safety
///
/// Called once, by the reset vector, which has told the core where its vectors are.
#[unsafe(naked)]
pub unsafe extern "C" fn reset<F: Firmware>() -> ! {
    naked_asm!(
        "ldr r0, =__lp_kernel_data_start",
        "ldr r1, =__lp_kernel_data_end",
        "ldr r2, =__lp_kernel_data_load",
        "b 3f",
        "2: ldmia r2!, {{r3}}",
        "stmia r0!, {{r3}}",
        "3: cmp r0, r1",
        "blo 2b",
        "ldr r0, =__lp_kernel_bss_start",
        "ldr r1, =__lp_kernel_bss_end",
        "movs r3, #0",
        "b 5f",
        "4: stmia r0!, {{r3}}",
        "5: cmp r0, r1",
        "blo 4b",
        "bl {prepare}",
        "cpsie i",
        "6: wfi",
        "b 6b",
        ".ltorg",
        prepare = sym prepare::<F>,
    )
}

/// Everything between the kernel's memory and the first switch.
///
/// # Safety
///
/// Called by [`reset`] only.
unsafe extern "C" fn prepare<F: Firmware>() {
    // SAFETY: architected registers, before anything unprivileged has run.
    unsafe {
        cortex_m::start::<F>();
        start::<F>();
        write_volatile(SYST_RVR, F::Policy::SLICE - 1);
        write_volatile(SYST_CSR, 0b111);
    }
    pend_switch();
}

/// Makes the core enter the kernel once no other exception is pending.
#[inline]
pub fn pend_switch() {
    // SAFETY: the one bit that pends PendSV; zeros change nothing.
    unsafe { write_volatile(ICSR, ICSR_PENDSVSET) };
}
