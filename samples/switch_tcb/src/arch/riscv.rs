//! RV32: start-up, the one entry into the kernel, contexts.
//!
//! A task's registers are saved whole into kernel memory; the kernel touches no task's stack. While a task or the idle
//! loop runs, `mscratch` points to its context; inside the kernel it is zero, so that a fault of the kernel's own shows.

use super::{Hardware, RUNNING, clear, halt, interrupts, leave, opaque, start};
use crate::decide::fault::classify_riscv;
use crate::decide::kernel::Event;
use crate::decide::table::at;
use crate::firmware::{Firmware, Halt};
use core::arch::{asm, naked_asm};
use core::marker::PhantomData;

/// `mstatus` of a task: MPP is U, MPIE set.
const MSTATUS_TASK: u32 = 1 << 7;
/// `mstatus` of the idle loop: MPP is M, MPIE set.
const MSTATUS_IDLE: u32 = 3 << 11 | 1 << 7;
/// `mstatus.MPP`.
const MPP: u32 = 3 << 11;
const INTERRUPT: u32 = 1 << 31;
const MACHINE_TIMER: u32 = INTERRUPT | 7;
const MACHINE_EXTERNAL: u32 = INTERRUPT | 11;
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
    /// Not a task yet. All zero, so that no load image is spent on it.
    pub const NEW: Self = Self { x: [0; 32], mstatus: 0 };
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
    // SAFETY: called once, at boot.
    unsafe { start::<F>() };
    interrupts::start::<F>();
    interrupts::timer::<F>();
    // SAFETY: the enable bits of two interrupts that the kernel handles.
    unsafe { asm!("csrw mie, {0}", in(reg) MIE, options(nomem, nostack)) };
    // SAFETY: one context per task and one for the idle loop.
    unsafe {
        let idle = contexts::<F>().add(F::parts().records.len());
        (*idle).mstatus = MSTATUS_IDLE;
        idle
    }
}

fn contexts<F: Firmware>() -> *mut Context {
    F::parts().contexts.cast()
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
        "mv sp, a0",
        "lw t0, 0(sp)",
        "csrw mepc, t0",
        "lw t0, 128(sp)",
        "csrw mstatus, t0",
        "csrw mscratch, sp",
        "lw x1, 4(sp)", "lw x3, 12(sp)", "lw x4, 16(sp)", "lw x5, 20(sp)", "lw x6, 24(sp)", "lw x7, 28(sp)",
        "lw x8, 32(sp)", "lw x9, 36(sp)", "lw x10, 40(sp)", "lw x11, 44(sp)", "lw x12, 48(sp)", "lw x13, 52(sp)",
        "lw x14, 56(sp)", "lw x15, 60(sp)", "lw x16, 64(sp)", "lw x17, 68(sp)", "lw x18, 72(sp)", "lw x19, 76(sp)",
        "lw x20, 80(sp)", "lw x21, 84(sp)", "lw x22, 88(sp)", "lw x23, 92(sp)", "lw x24, 96(sp)", "lw x25, 100(sp)",
        "lw x26, 104(sp)", "lw x27, 108(sp)", "lw x28, 112(sp)", "lw x29, 116(sp)", "lw x30, 120(sp)",
        "lw x31, 124(sp)",
        "lw x2, 8(sp)",
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
    // SAFETY: this is the kernel's only thread of control: interrupts are off in M-mode until `mret`.
    let kernel = unsafe {
        let running = &raw mut RUNNING;
        &mut *running
    };
    let before = kernel.turn;
    let event = match cause {
        MACHINE_TIMER => {
            interrupts::timer::<F>();
            Some(Event::Tick)
        }
        MACHINE_EXTERNAL => interrupts::claim::<F>().map(Event::Interrupt),
        _ => Some(match classify_riscv(cause, value) {
            Some((kind, address)) => Event::Fault(kind, address),
            None => {
                // SAFETY: the context of the task that called, which the kernel has to itself.
                let x = unsafe { &mut (*interrupted).x };
                x[0] = x[0].wrapping_add(4);
                Event::Call([x[A0], x[A0 + 1], x[A0 + 2], x[A0 + 3]])
            }
        }),
    };
    if let Some(event) = event {
        kernel.step(event, &mut Hardware::<F>(PhantomData));
    }
    // SAFETY: as above; one context per task and one for the idle loop.
    unsafe { contexts::<F>().add(leave::<F>(kernel, before)) }
}

/// Puts an answer into the registers that `task` goes on with.
///
/// # Safety
///
/// The task called, and has not gone on since.
pub unsafe fn answer<F: Firmware>(task: usize, answer: [u32; 3]) {
    // SAFETY: one context per task, which the kernel has to itself.
    let x = unsafe { &mut (*contexts::<F>().add(task)).x };
    [x[A0], x[A0 + 1], x[A0 + 2]] = answer;
}

/// Makes a context that begins at the task's entry with empty registers.
///
/// # Safety
///
/// `task` is a task of the table.
pub unsafe fn begin<F: Firmware>(task: usize, arguments: [u32; 2]) {
    // SAFETY: one entry, one stack and one context per task, in generated statics.
    unsafe {
        let &[_, high, partition] = at(&*opaque(F::parts().tasks), task);
        let context = contexts::<F>().add(task);
        clear(context.cast(), size_of::<Context>() / 4);
        let context = &mut *context;
        // Returning from the entry goes to address 0 (x1), which no entry makes executable.
        context.mstatus = MSTATUS_TASK;
        context.x[0] = *at(&*opaque(F::parts().entries), task) as usize as u32;
        context.x[SP] = high & !15;
        [context.x[A0], context.x[A0 + 1]] = arguments;
        if F::SOFTWARE_BOUNDS > 0 {
            // Compiled-in checks find the base in s11, and never write it; the size was compiled in.
            context.x[S11] = at(&*opaque(F::parts().software), partition as usize)[0];
        }
    }
}
