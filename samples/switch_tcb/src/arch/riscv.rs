//! RV32 with PMP: the one entry into the kernel, contexts, the PMP (privileged ISA 3.7), timer and PLIC.
//!
//! A task's registers are saved whole into kernel memory; the kernel touches no task's stack. While a task or the idle
//! loop runs, `mscratch` points to its context; inside the kernel it is zero, so that a fault of the kernel's own shows.

use super::{Next, advance, halt, start};
use crate::decide::fault::classify_riscv;
use crate::decide::kernel::Event;
use crate::firmware::{Firmware, Halt, Policy};
use core::arch::{asm, naked_asm};
use core::ptr::{read_volatile, write_volatile};

/// `mstatus` of a task: MPP is U, MPIE set.
const MSTATUS_TASK: u32 = 1 << 7;
/// `mstatus` of the idle loop: MPP is M, MPIE set.
const MSTATUS_IDLE: u32 = 3 << 11 | 1 << 7;
/// `mstatus.MPP`.
const MPP: u32 = 3 << 11;
const INTERRUPT: u32 = 1 << 31;
const MACHINE_TIMER: u32 = INTERRUPT | 7;
const MACHINE_EXTERNAL: u32 = INTERRUPT | 11;
const ECALL_FROM_U: u32 = 8;
/// `mie`: timer and external interrupts.
const MIE: u32 = 1 << 7 | 1 << 11;
/// x10 and x11 in a context.
const A0: usize = 10;
const SP: usize = 2;
const S11: usize = 27;

/// All registers of a task. `x[0]` is its program counter: x0 needs no saving.
#[repr(C)]
pub struct Context {
    x: [u32; 32],
    mstatus: u32,
}

impl Context {
    /// Not a task yet.
    pub const NEW: Self = Self { x: [0; 32], mstatus: MSTATUS_IDLE };
}

/// Defines `_start`, which the linker script names as the entry point.
#[macro_export]
#[doc(hidden)]
macro_rules! __vectors {
    ($firmware:ident, $table:ident) => {
        /// Where the core starts.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        #[unsafe(link_section = ".init")]
        unsafe extern "C" fn _start() -> ! {
            core::arch::naked_asm!("j {reset}", reset = sym $crate::arch::reset::<$firmware>)
        }
    };
}

/// Lays the kernel's memory out, then starts; ends as the idle loop in M-mode.
///
/// # Safety
///
/// Called once, by the reset vector. All cores but the first sleep: the kernel knows one.
#[unsafe(naked)]
pub unsafe extern "C" fn reset<F: Firmware>() -> ! {
    naked_asm!(
        "csrw mie, zero",
        "csrw mscratch, zero",
        "csrr t0, mhartid",
        "1: beqz t0, 2f",
        "wfi",
        "j 1b",
        "2: la sp, __lp_kernel_stack_end",
        "la t0, {entry}",
        "csrw mtvec, t0",
        "la t0, __lp_kernel_data_start",
        "la t1, __lp_kernel_data_end",
        "la t2, __lp_kernel_data_load",
        "3: bgeu t0, t1, 4f",
        "lw t3, 0(t2)",
        "sw t3, 0(t0)",
        "addi t0, t0, 4",
        "addi t2, t2, 4",
        "j 3b",
        "4: la t0, __lp_kernel_bss_start",
        "la t1, __lp_kernel_bss_end",
        "5: bgeu t0, t1, 6f",
        "sw zero, 0(t0)",
        "addi t0, t0, 4",
        "j 5b",
        "6: call {prepare}",
        "csrw mscratch, a0",
        "csrsi mstatus, 8",
        // The idle loop has no stack: each entry into the kernel begins at the stack's end.
        "7: wfi",
        "j 7b",
        entry = sym entry::<F>,
        prepare = sym prepare::<F>,
    )
}

/// Everything between the kernel's memory and the first interrupt; returns the idle loop's context.
extern "C" fn prepare<F: Firmware>() -> *mut Context {
    start::<F>();
    interrupts::start::<F>();
    timer::<F>();
    // SAFETY: the enable bits of two interrupts that the kernel handles.
    unsafe { asm!("csrw mie, {0}", in(reg) MIE, options(nomem, nostack)) };
    let parts = F::parts();
    let idle = parts.contexts.len() - 1;
    // SAFETY: one context per task and one for the idle loop.
    unsafe { parts.contexts.cast::<Context>().add(idle) }
}

/// The next slice: the timer fires when `mtime` has moved on by `SLICE`.
fn timer<F: Firmware>() {
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

/// The one way into the kernel and out of it: every register goes into kernel memory, and every register of what runs
/// next comes from there.
///
/// # Safety
///
/// Only `mtvec` may refer to it.
#[unsafe(naked)]
pub unsafe extern "C" fn entry<F: Firmware>() -> ! {
    naked_asm!(
        ".balign 4",
        "csrrw sp, mscratch, sp",
        "beqz sp, 9f",
        "sw x1, 4(sp)", "sw x3, 12(sp)", "sw x4, 16(sp)", "sw x5, 20(sp)", "sw x6, 24(sp)", "sw x7, 28(sp)",
        "sw x8, 32(sp)", "sw x9, 36(sp)", "sw x10, 40(sp)", "sw x11, 44(sp)", "sw x12, 48(sp)", "sw x13, 52(sp)",
        "sw x14, 56(sp)", "sw x15, 60(sp)", "sw x16, 64(sp)", "sw x17, 68(sp)", "sw x18, 72(sp)", "sw x19, 76(sp)",
        "sw x20, 80(sp)", "sw x21, 84(sp)", "sw x22, 88(sp)", "sw x23, 92(sp)", "sw x24, 96(sp)", "sw x25, 100(sp)",
        "sw x26, 104(sp)", "sw x27, 108(sp)", "sw x28, 112(sp)", "sw x29, 116(sp)", "sw x30, 120(sp)",
        "sw x31, 124(sp)",
        "csrrw t0, mscratch, zero",
        "sw t0, 8(sp)",
        "csrr t0, mepc",
        "sw t0, 0(sp)",
        "mv a0, sp",
        "csrr a1, mcause",
        "csrr a2, mtval",
        "csrr a3, mstatus",
        "la sp, __lp_kernel_stack_end",
        "call {handle}",
        "lw t0, 0(a0)",
        "csrw mepc, t0",
        "lw t0, 128(a0)",
        "csrw mstatus, t0",
        "csrw mscratch, a0",
        "lw x1, 4(a0)", "lw x2, 8(a0)", "lw x3, 12(a0)", "lw x4, 16(a0)", "lw x5, 20(a0)", "lw x6, 24(a0)",
        "lw x7, 28(a0)", "lw x8, 32(a0)", "lw x9, 36(a0)", "lw x11, 44(a0)", "lw x12, 48(a0)", "lw x13, 52(a0)",
        "lw x14, 56(a0)", "lw x15, 60(a0)", "lw x16, 64(a0)", "lw x17, 68(a0)", "lw x18, 72(a0)", "lw x19, 76(a0)",
        "lw x20, 80(a0)", "lw x21, 84(a0)", "lw x22, 88(a0)", "lw x23, 92(a0)", "lw x24, 96(a0)", "lw x25, 100(a0)",
        "lw x26, 104(a0)", "lw x27, 108(a0)", "lw x28, 112(a0)", "lw x29, 116(a0)", "lw x30, 120(a0)",
        "lw x31, 124(a0)",
        "lw x10, 40(a0)",
        "mret",
        // mscratch was zero: the kernel trapped. Its stack begins anew, because nothing returns from here.
        "9: la sp, __lp_kernel_stack_end",
        "csrr a0, mcause",
        "csrr a1, mtval",
        "call {broken}",
        handle = sym handle::<F>,
        broken = sym broken::<F>,
    )
}

/// The kernel's own fault.
extern "C" fn broken<F: Firmware>(cause: u32, address: u32) -> ! {
    halt::<F>(Halt::Kernel { cause, address })
}

/// Acts on a trap; returns the context of what runs next.
///
/// # Safety
///
/// Called by [`entry`] only, with the interrupted context and the CSRs that describe the trap.
unsafe extern "C" fn handle<F: Firmware>(
    interrupted: *mut Context,
    cause: u32,
    value: u32,
    mstatus: u32,
) -> *mut Context {
    if cause & INTERRUPT == 0 && mstatus & MPP != 0 {
        halt::<F>(Halt::Kernel { cause, address: value });
    }
    let event = match cause {
        MACHINE_TIMER => {
            timer::<F>();
            Some(Event::Tick)
        }
        MACHINE_EXTERNAL => interrupts::claim::<F>().map(Event::Interrupt),
        ECALL_FROM_U => {
            // SAFETY: the context of the task that called, which the kernel has to itself.
            let context = unsafe { &mut *interrupted };
            context.x[0] = context.x[0].wrapping_add(4);
            Some(Event::Call([0, 1, 2, 3].map(|index| context.x[A0 + index])))
        }
        _ => classify_riscv(cause, value).map(|(kind, address)| Event::Fault(kind, address)),
    };
    // SAFETY: this is the kernel's only thread of control: interrupts are off in M-mode until `mret`.
    let next: Next = unsafe { advance::<F>(event) };
    let parts = F::parts();
    let index = next.task.unwrap_or(parts.contexts.len() - 1);
    // SAFETY: one context per task and one for the idle loop; one entry and one stack per task, in generated statics.
    unsafe {
        let context = parts.contexts.cast::<Context>().add(index);
        if let (Some(task), Some([first, second])) = (next.task, next.begin) {
            let [_, high, partition] = (*super::opaque(parts.tasks))[task];
            let mut x = [0; 32];
            x[0] = (*super::opaque(parts.entries))[task] as usize as u32;
            x[SP] = high & !15;
            x[A0] = first;
            x[A0 + 1] = second;
            if F::SOFTWARE_BOUNDS > 0 {
                // Compiled-in checks find the base in s11, and never write it; the size was compiled in.
                x[S11] = (*super::opaque(parts.software))[partition as usize][0];
            }
            // Returning from the entry goes to address 0 (x1), which no entry makes executable.
            *context = Context { x, mstatus: MSTATUS_TASK };
        }
        if let Some(answer) = next.answer {
            (&mut (*context).x)[A0..A0 + 3].copy_from_slice(&answer);
        }
        context
    }
}

/// The PLIC, as far as one core in M-mode needs it.
pub mod interrupts {
    use super::{Firmware, Policy, read_volatile, write_volatile};

    const PRIORITY: u32 = 0;
    const ENABLE: u32 = 0x2000;
    const THRESHOLD: u32 = 0x20_0000;
    const CLAIM: u32 = 0x20_0004;

    static mut BASE: u32 = 0;

    fn enable(interrupt: u32) -> (*mut u32, u32) {
        // SAFETY: written once, at boot.
        ((unsafe { BASE } + ENABLE + interrupt / 32 * 4) as *mut u32, 1 << (interrupt % 32))
    }

    /// Every interrupt of the table gets a priority above the threshold, and stays disabled until its task waits.
    pub(super) fn start<F: Firmware>() {
        // SAFETY: the product's PLIC; nothing else touches it.
        unsafe {
            BASE = F::Policy::PLIC;
            write_volatile((BASE + THRESHOLD) as *mut u32, 0);
            for [interrupt, _] in &*super::super::opaque(F::parts().interrupts) {
                write_volatile((BASE + PRIORITY + interrupt * 4) as *mut u32, 1);
            }
        }
    }

    /// The interrupt that fired, if it has not gone away again.
    pub(super) fn claim<F: Firmware>() -> Option<u32> {
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
    pub fn mask(interrupt: u32) {
        let (register, bit) = enable(interrupt);
        // SAFETY: as above.
        unsafe { write_volatile(register, read_volatile(register) & !bit) };
    }

    /// Lets the interrupt fire.
    pub fn unmask(interrupt: u32) {
        let (register, bit) = enable(interrupt);
        // SAFETY: as above. The threshold is as it was: QEMU's PLIC looks at what is pending already when it is written,
        // and not when an interrupt is enabled.
        unsafe {
            write_volatile(register, read_volatile(register) | bit);
            write_volatile((BASE + THRESHOLD) as *mut u32, 0);
        }
    }
}

/// The PMP. CSR numbers are part of the instruction, so each access is spelt out; what a firmware does not have
/// disappears from its image.
pub mod pmp {
    use super::{Firmware, asm, naked_asm, read_volatile};

    /// Skips the instruction that trapped: a CSR that is not there reads as what was in the register before.
    #[unsafe(naked)]
    unsafe extern "C" fn skip() {
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

    macro_rules! probe {
        ($found:ident; $($n:literal)*) => { $(
            // One more than planned is enough to see that there are more.
            if $n < F::ALL_SLOTS + 1 {
                let (seen, left): (u32, u32);
                asm!(
                    "csrw {csr}, {ones}", "csrr {seen}, {csr}", "csrw {csr}, zero", "csrr {left}, {csr}",
                    csr = const 0x3B0 + $n, ones = in(reg) u32::MAX,
                    seen = inout(reg) 0_u32 => seen, left = inout(reg) 0_u32 => left,
                    options(nomem, nostack),
                );
                // What cannot be written is locked: whatever it grants, no switch would take it away.
                $found += u32::from(seen != 0 && (left == 0 || $n >= F::ALL_SLOTS));
            }
        )* };
    }

    /// Entries that the hardware has for the plan, or one more than planned if it has more. Found by writing: a missing
    /// one reads as zero, or traps and is skipped; one that a boot loader locked keeps what it holds.
    pub fn slots<F: Firmware>() -> u32 {
        let mut found = 0;
        // SAFETY: no entry is enabled yet; each is left zero, as it was at reset.
        unsafe {
            let before: u32;
            asm!("csrrw {0}, mtvec, {1}", out(reg) before, in(reg) skip as *const () as u32, options(nomem, nostack));
            each_entry!(probe, found);
            asm!("csrw mtvec, {0}", in(reg) before, options(nomem, nostack));
        }
        found
    }

    macro_rules! write_addresses {
        ($first:expr, $count:expr, $words:ident; $($n:literal)*) => { $(
            if $n >= $first && $n < $first + $count {
                let value = read_volatile($words.add($n - $first))[0];
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

    /// Writes the static entries, and disables all others.
    ///
    /// # Safety
    ///
    /// Called once, before the first partition runs. `fixed` points to the table's `F::STATIC_SLOTS` static pairs.
    pub unsafe fn start<F: Firmware>(fixed: *const [u32; 2]) {
        let bits = |row: usize| {
            // SAFETY: a row of the table, by the contract.
            if row < F::STATIC_SLOTS { unsafe { (*fixed.add(row))[1] } } else { 0 }
        };
        let config = |register: usize| {
            (0..4).fold(0, |word, byte| {
                word | bits((register * 4 + byte).wrapping_sub(F::FIRST_STATIC_SLOT)) << (8 * byte)
            })
        };
        // SAFETY: M-mode is not bound by entries without the lock bit, and the table locks none.
        unsafe {
            each_entry!(write_addresses, F::FIRST_STATIC_SLOT, F::STATIC_SLOTS, fixed);
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
}
