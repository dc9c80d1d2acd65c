//! Armv6-M, Armv7-M and Armv8-M mainline: the one entry into the kernel, exception frames.
//!
//! All exceptions keep priority 0, so none interrupts another and the kernel has one thread of control; only NMI and
//! HardFault can break in, and they halt unless it was a partition that broke.

use super::state::settle;
use super::{Hardware, RUNNING, clear, halt, leave, opaque};
use crate::decide::kernel::Event;
use crate::decide::table::at;
use crate::firmware::{Firmware, Halt};
use core::arch::{asm, naked_asm};
use core::marker::PhantomData;
use core::ptr::read_volatile;

#[cfg(armv6m)]
use super::armv6m::Status;
#[cfg(not(armv6m))]
use super::status::Status;

/// Return to Thread mode on the process stack, no FP state.
const EXC_RETURN_TASK: u32 = 0xFFFF_FFFD;
/// EXC_RETURN: Thread mode (bit 3) with the process stack (bit 2).
const EXC_RETURN_FROM_TASK: u32 = 0b1100;
/// EXC_RETURN: clear when the frame holds FP registers.
const EXC_RETURN_BASIC: u32 = 1 << 4;
/// CONTROL.nPRIV.
const UNPRIVILEGED: u32 = 1;
/// xPSR.T: the only instruction set there is.
const XPSR_THUMB: u32 = 1 << 24;
/// Exception numbers.
const NMI: u32 = 2;
const SVCALL: u32 = 11;
const PENDSV: u32 = 14;
const FIRST_INTERRUPT: u32 = 16;

/// The registers of a task that the hardware does not save, and where it saved the others. In kernel memory: what lies
/// on the task's stack below its pointer is the task's to aim.
#[repr(C)]
pub struct Context {
    callee_saved: [u32; 8],
    psp: u32,
    exc_return: u32,
    control: u32,
    /// Armv8-M only; the word is there on Armv7-M too, so that the offsets are the same.
    psplim: u32,
    #[cfg(target_abi = "eabihf")]
    fp_callee_saved: [u32; 16],
}

impl Context {
    /// Not a task yet. All zero, so that no load image is spent on it.
    pub const NEW: Self = Self {
        callee_saved: [0; 8],
        psp: 0,
        exc_return: 0,
        control: 0,
        psplim: 0,
        #[cfg(target_abi = "eabihf")]
        fp_callee_saved: [0; 16],
    };
}

/// Where [`entry`] saves the registers of what it interrupted.
static mut INTERRUPTED: *mut Context = core::ptr::null_mut();

/// Where [`entry`] finds the idle loop's context.
fn contexts<F: Firmware>() -> *mut Context {
    F::parts().contexts.cast()
}

/// Readies what the core needs for exceptions.
///
/// # Safety
///
/// Called once, at boot, before any exception and any FP instruction.
pub unsafe fn start<F: Firmware>() {
    // SAFETY: one context per task and one for the idle loop.
    unsafe {
        Status::start();
        settle();
        INTERRUPTED = contexts::<F>().add(F::parts().records.len());
    }
}

/// Thumb-1 stores no high register.
#[cfg(armv6m)]
macro_rules! save_high {
    () => {
        "stmia r3!, {{r4-r7}}\nmov r4, r8\nmov r5, r9\nmov r6, r10\nmov r7, r11\nstmia r3!, {{r4-r7}}"
    };
}
#[cfg(not(armv6m))]
macro_rules! save_high {
    () => {
        "stmia r3!, {{r4-r11}}"
    };
}

/// The counterpart of `save_high`.
#[cfg(armv6m)]
macro_rules! restore_high {
    () => {
        concat!(
            "adds r0, #16\nldmia r0!, {{r4-r7}}\nmov r8, r4\nmov r9, r5\nmov r10, r6\nmov r11, r7\n",
            "subs r0, #32\nldmia r0!, {{r4-r7}}\nadds r0, #16\nldmia r0!, {{r1, r2, r3}}"
        )
    };
}
#[cfg(not(armv6m))]
macro_rules! restore_high {
    () => {
        "ldmia r0!, {{r4-r11}}\nldmia r0!, {{r1, r2, r3, r12}}"
    };
}

/// With FP state in the frame, s16 to s31 belong to the interrupted task too.
#[cfg(target_abi = "eabihf")]
macro_rules! save_fp {
    () => {
        "tst lr, #0x10\nitt eq\naddeq r3, r3, #8\nvstmiaeq r3, {{s16-s31}}"
    };
}
#[cfg(not(target_abi = "eabihf"))]
macro_rules! save_fp {
    () => {
        ""
    };
}

/// Without FP state in the frame the hardware restores none, and what another partition left would stay readable.
#[cfg(target_abi = "eabihf")]
macro_rules! restore_fp {
    () => {
        concat!(
            "tst r2, #0x10\n",
            "beq 1f\n",
            "ldr r0, ={zeros}\n",
            "vldmia r0, {{d0-d15}}\n",
            "mov r0, #0\n",
            "vmsr fpscr, r0\n",
            "b 2f\n",
            "1: vldmia r0, {{s16-s31}}\n",
            "2:"
        )
    };
}
#[cfg(not(target_abi = "eabihf"))]
macro_rules! restore_fp {
    () => {
        "/* {zeros} */"
    };
}

/// The process stack may not grow below this, whatever the MPU allows there.
#[cfg(armv8m)]
macro_rules! restore_limit {
    () => {
        "msr psplim, r12"
    };
}
#[cfg(not(armv8m))]
macro_rules! restore_limit {
    () => {
        ""
    };
}

/// What cleared FP registers hold.
static ZEROS: [u64; 16] = [0; 16];

/// The one way into the kernel and out of it. Saves what the hardware did not into kernel memory, and leaves by another
/// task's registers: nothing of the one is left in the other's.
///
/// # Safety
///
/// Only the vector table may refer to it.
#[unsafe(naked)]
pub unsafe extern "C" fn entry<F: Firmware>() {
    naked_asm!(
        "mrs r0, psp",
        "mov r1, lr",
        "ldr r3, ={interrupted}",
        "ldr r3, [r3]",
        save_high!(),
        "stmia r3!, {{r0, r1}}",
        save_fp!(),
        "bl {handle}",
        restore_high!(),
        restore_fp!(),
        restore_limit!(),
        "msr psp, r1",
        "msr control, r3",
        "bx r2",
        ".ltorg",
        interrupted = sym INTERRUPTED,
        handle = sym handle::<F>,
        zeros = sym ZEROS,
    )
}

/// Finds out why the kernel was entered, acts on it, and returns the context of what runs next.
///
/// # Safety
///
/// Called by [`entry`] only, with the process stack pointer and the return code of the exception.
unsafe extern "C" fn handle<F: Firmware>(psp: u32, exc_return: u32) -> *const Context {
    let cause: u32;
    // A store that the bus refuses late is refused now, while it is known whose it was: the fault status is read next.
    // SAFETY: waits for the task's stores; reads the number of the active exception.
    unsafe { asm!("dsb", "mrs {0}, ipsr", out(reg) cause, options(nostack, preserves_flags)) };
    // SAFETY: this is the kernel's only thread of control.
    let kernel = unsafe {
        let running = &raw mut RUNNING;
        &mut *running
    };
    let mut hardware = Hardware::<F>(PhantomData);
    let before = kernel.turn;
    let status = Status::read();
    let from_task = exc_return & EXC_RETURN_FROM_TASK == EXC_RETURN_FROM_TASK;
    // From the idle loop, or the kernel itself, come only the timer, a device, and what is pended.
    let own = !from_task && (status.faulted(cause) || cause < SVCALL);
    if cause == NMI || status.broken() || from_task == kernel.turn.idle || own {
        halt::<F>(Halt::Kernel { cause, address: status.address() });
    }
    let mut faulted = false;
    if from_task {
        let size = if exc_return & EXC_RETURN_BASIC == 0 { 104 } else { 32 };
        // Only after this look may the frame be read: it lies on the task's own stack, aligned.
        let readable = kernel.table.on_stack(kernel.turn.task, psp, size);
        // SAFETY: see above.
        let pc = readable.then(|| unsafe { read_volatile((psp as *const u32).add(6)) });
        let fault = status.classify(kernel, cause, psp, pc);
        if let Some((kind, address)) = fault {
            faulted = true;
            status.clear();
            kernel.step(Event::Fault(kind, address), &mut hardware);
        } else if cause == SVCALL {
            // SAFETY: without a fault the frame is readable.
            kernel.step(Event::Call(unsafe { read_volatile(psp as *const [u32; 4]) }), &mut hardware);
        }
    }
    if cause >= FIRST_INTERRUPT {
        kernel.step(Event::Interrupt(cause - FIRST_INTERRUPT), &mut hardware);
    } else if cause >= PENDSV && !faulted {
        kernel.step(Event::Tick, &mut hardware);
    }
    #[cfg(armv6m)]
    if faulted {
        super::armv6m::through_the_idle_loop(&mut kernel.turn);
    }
    // SAFETY: as above; one context per task and one for the idle loop.
    unsafe {
        let context = contexts::<F>().add(leave::<F>(kernel, before));
        INTERRUPTED = context;
        context
    }
}

/// Puts an answer into the frame that `task` goes on with.
///
/// # Safety
///
/// The task called, and has not gone on since: its frame was found on its own stack, and nobody else can move it.
pub unsafe fn answer<F: Firmware>(task: usize, answer: [u32; 3]) {
    // SAFETY: one context per task; see the contract.
    unsafe { ((*contexts::<F>().add(task)).psp as *mut [u32; 3]).write(answer) };
}

/// Makes a context, and a frame on the task's stack, that begin at the task's entry with empty registers.
///
/// # Safety
///
/// `task` is a task of the table; the kernel may write its stack, which no Rust object overlaps.
pub unsafe fn begin<F: Firmware>(task: usize, arguments: [u32; 2]) {
    // SAFETY: one entry, one stack and one context per task, in generated statics.
    unsafe {
        let &[low, high, partition] = at(&*opaque(F::parts().tasks), task);
        let entry = *at(&*opaque(F::parts().entries), task) as usize as u32;
        let frame = ((high & !7) - 32) as *mut u32;
        clear(frame, 8);
        *frame.cast() = arguments;
        // Returning from the entry goes to an address that no region makes executable.
        *frame.add(5).cast() = [u32::MAX, entry & !1, XPSR_THUMB];
        let context = contexts::<F>().add(task);
        clear(context.cast(), size_of::<Context>() / 4);
        let context = &mut *context;
        (context.psp, context.psplim) = (frame as u32, low);
        (context.exc_return, context.control) = (EXC_RETURN_TASK, UNPRIVILEGED);
        if F::SOFTWARE_BOUNDS > 0 {
            // Compiled-in checks find size and base in r10 and r11, and never write them: from here on they are kept
            // as every other register of the task is.
            let &[base, size, _] = at(&*opaque(F::parts().software), partition as usize);
            [context.callee_saved[6], context.callee_saved[7]] = [size, base];
        }
    }
}

/// Device interrupts: the NVIC's set-enable and clear-enable registers.
pub mod interrupts {
    const ISER: u32 = 0xE000_E100;
    const ICER: u32 = 0xE000_E180;

    #[inline(never)]
    fn write(interrupt: u32, clear: bool) {
        let register = if clear { ICER } else { ISER } + interrupt / 32 * 4;
        // SAFETY: one bit of the NVIC, whose registers exist for every number that a vector is there for.
        unsafe { core::ptr::write_volatile(register as *mut u32, 1 << (interrupt % 32)) };
    }

    /// Keeps the interrupt from firing.
    #[inline]
    pub fn mask(interrupt: u32) {
        write(interrupt, true);
    }

    /// Lets the interrupt fire.
    #[inline]
    pub fn unmask(interrupt: u32) {
        write(interrupt, false);
    }
}
