//! Armv7-M and Armv8-M mainline: vectors, the one entry into the kernel, exception frames.
//!
//! All exceptions keep priority 0, so none interrupts another and the kernel has one thread of control; only NMI and
//! HardFault can break in, and they halt unless it was a partition that broke.

use super::state::settle;
use super::{Next, advance, halt, start};
use crate::decide::fault::{ArmStatus, FaultKind, classify};
use crate::decide::kernel::Event;
use crate::firmware::{Firmware, Halt, Policy};
use core::arch::{asm, naked_asm};
use core::ptr::{read_volatile, write_volatile};

const ICSR: *mut u32 = 0xE000_ED04 as *mut u32;
const VTOR: *mut u32 = 0xE000_ED08 as *mut u32;
const SHCSR: *mut u32 = 0xE000_ED24 as *mut u32;
const CFSR: *mut u32 = 0xE000_ED28 as *mut u32;
const HFSR: *mut u32 = 0xE000_ED2C as *mut u32;
const MMFAR: *mut u32 = 0xE000_ED34 as *mut u32;
const BFAR: *mut u32 = 0xE000_ED38 as *mut u32;
const SYST_CSR: *mut u32 = 0xE000_E010 as *mut u32;
const SYST_RVR: *mut u32 = 0xE000_E014 as *mut u32;

/// MemManage, BusFault and UsageFault enabled: a partition's fault must not become a HardFault.
const SHCSR_FAULTS: u32 = 0b111 << 16;
/// UsageFault, MemManage, BusFault and SVCall pended.
const SHCSR_PENDED: u32 = 0b1111 << 12;
const ICSR_PENDSVSET: u32 = 1 << 28;
/// The vector table could not be read: nothing a task can bring about.
const HFSR_VECTTBL: u32 = 1 << 1;
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
    /// Not a task yet.
    pub const NEW: Self = Self {
        callee_saved: [0; 8],
        psp: 0,
        exc_return: EXC_RETURN_TASK,
        control: 0,
        psplim: 0,
        #[cfg(target_abi = "eabihf")]
        fp_callee_saved: [0; 16],
    };
}

/// Where [`entry`] saves the registers of what it interrupted.
static mut INTERRUPTED: *mut Context = core::ptr::null_mut();

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
        unsafe extern "C" fn Reset() -> ! {
            // SAFETY: this is the reset vector: nothing has run yet.
            unsafe { $crate::arch::reset::<$firmware>((&raw const LP_VECTORS).cast()) }
        }
    };
}

/// Lays the kernel's memory out, then starts; ends as the idle loop, privileged, on the main stack.
///
/// # Safety
///
/// Called once, by the reset vector, with the vector table's address.
pub unsafe fn reset<F: Firmware>(vectors: *const u32) -> ! {
    // SAFETY: the symbols are those of the script, word-aligned; in assembly because no Rust static exists before it.
    unsafe {
        asm!(
            "movw r0, :lower16:__lp_kernel_data_start",
            "movt r0, :upper16:__lp_kernel_data_start",
            "movw r1, :lower16:__lp_kernel_data_end",
            "movt r1, :upper16:__lp_kernel_data_end",
            "movw r2, :lower16:__lp_kernel_data_load",
            "movt r2, :upper16:__lp_kernel_data_load",
            "2: cmp r0, r1",
            "ittt lo",
            "ldrlo r3, [r2], #4",
            "strlo r3, [r0], #4",
            "blo 2b",
            "movw r0, :lower16:__lp_kernel_bss_start",
            "movt r0, :upper16:__lp_kernel_bss_start",
            "movw r1, :lower16:__lp_kernel_bss_end",
            "movt r1, :upper16:__lp_kernel_bss_end",
            "movs r3, #0",
            "3: cmp r0, r1",
            "itt lo",
            "strlo r3, [r0], #4",
            "blo 3b",
            out("r0") _, out("r1") _, out("r2") _, out("r3") _,
        );
        write_volatile(VTOR, vectors as u32);
        write_volatile(SHCSR, SHCSR_FAULTS);
        settle();
        let idle = F::parts().contexts.len() - 1;
        INTERRUPTED = F::parts().contexts.cast::<Context>().add(idle);
        start::<F>();
        write_volatile(SYST_RVR, F::Policy::SLICE - 1);
        write_volatile(SYST_CSR, 0b111);
        write_volatile(ICSR, ICSR_PENDSVSET);
    }
    loop {
        // SAFETY: waits for an interrupt; changes nothing.
        unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
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
            "movw r0, :lower16:{zeros}\n",
            "movt r0, :upper16:{zeros}\n",
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
        "movw r3, :lower16:{interrupted}",
        "movt r3, :upper16:{interrupted}",
        "ldr r3, [r3]",
        "stmia r3!, {{r4-r11}}",
        "stmia r3!, {{r0, r1}}",
        save_fp!(),
        "bl {handle}",
        "ldmia r0!, {{r4-r11}}",
        "ldmia r0!, {{r1, r2, r3, r12}}",
        restore_fp!(),
        restore_limit!(),
        "msr psp, r1",
        "msr control, r3",
        "bx r2",
        interrupted = sym INTERRUPTED,
        handle = sym handle::<F>,
        zeros = sym ZEROS,
    )
}

/// Finds out why the kernel was entered, and prepares the context of what runs next.
///
/// # Safety
///
/// Called by [`entry`] only, with the process stack pointer and the return code of the exception.
unsafe extern "C" fn handle<F: Firmware>(psp: u32, exc_return: u32) -> *const Context {
    let cause: u32;
    // SAFETY: reads the number of the active exception.
    unsafe { asm!("mrs {0}, ipsr", out(reg) cause, options(nomem, nostack, preserves_flags)) };
    // SAFETY: this is the kernel's only thread of control; see `advance`.
    let next = unsafe { dispatch::<F>(cause, psp, exc_return) };
    let parts = F::parts();
    let index = next.task.unwrap_or(parts.contexts.len() - 1);
    // SAFETY: one context per task and one for the idle loop; the kernel has them to itself.
    unsafe {
        let context = parts.contexts.cast::<Context>().add(index);
        if let (Some(task), Some(arguments)) = (next.task, next.begin) {
            begin::<F>(&mut *context, task, arguments);
        }
        if let Some(answer) = next.answer {
            // The frame was found on the task's stack when it was saved, and nobody else can move it.
            write_volatile((*context).psp as *mut [u32; 3], answer);
        }
        INTERRUPTED = context;
        context
    }
}

/// Turns the exception into events and acts on them.
///
/// # Safety
///
/// As [`handle`].
unsafe fn dispatch<F: Firmware>(cause: u32, psp: u32, exc_return: u32) -> Next {
    // SAFETY: system control registers, of which only fault status is written, and only to clear it.
    let (status, hfsr, mmfar, bfar) =
        unsafe { (read_volatile(CFSR), read_volatile(HFSR), read_volatile(MMFAR), read_volatile(BFAR)) };
    // SAFETY: only the kernel writes it.
    let running = unsafe { super::RUNNING.task };
    let from_task = exc_return & EXC_RETURN_FROM_TASK == EXC_RETURN_FROM_TASK;
    let (Some(task), true) = (running, from_task) else {
        // The idle loop, or the kernel itself: only the timer, a device and the first PendSV come from there.
        if cause < 14 || status != 0 || from_task {
            halt::<F>(Halt::Kernel { cause, address: if status & 0xFF != 0 { mmfar } else { bfar } });
        }
        // SAFETY: see the contract.
        return unsafe { advance::<F>([outside(cause)]) };
    };
    let size = if exc_return & EXC_RETURN_BASIC == 0 { 104 } else { 32 };
    // SAFETY: the generated statics.
    let readable = unsafe { super::table(&F::parts()) }.on_stack(task, psp, size);
    let word = |index: u32| {
        // SAFETY: the frame lies on the task's own stack, aligned: `readable` was looked at first.
        readable.then(|| unsafe { read_volatile((psp as *const u32).add(index as usize)) })
    };
    let fault = if cause == 2 || hfsr & HFSR_VECTTBL != 0 {
        halt::<F>(Halt::Kernel { cause, address: psp });
    } else if status != 0 {
        // Whatever else came in, the task has faulted: on the way in (its stack), or a store that the bus refused late.
        let (kind, address) = classify(ArmStatus { cfsr: status, mmfar, bfar, pc: word(6) });
        Some(Event::Fault(kind, address))
    } else if cause == 3 || cause == 12 {
        // A breakpoint without a debugger becomes a HardFault. Nobody else can cause one from a task.
        Some(Event::Fault(FaultKind::Breakpoint, word(6)))
    } else if !readable {
        Some(Event::Fault(FaultKind::StackPointer, Some(psp)))
    } else {
        None
    };
    if fault.is_some() {
        // What is pended belongs to the task that faulted, and must not be taken for the next one's.
        // SAFETY: status bits are cleared by writing ones; of SHCSR the active bits are written back as read.
        unsafe {
            write_volatile(CFSR, status);
            write_volatile(HFSR, hfsr);
            write_volatile(SHCSR, read_volatile(SHCSR) & !SHCSR_PENDED);
        }
    }
    let call = || Event::Call([0, 1, 2, 3].map(|index| word(index).unwrap_or(u32::MAX)));
    let event = match cause {
        11 if fault.is_some() => None,
        11 => Some(call()),
        14.. => Some(outside(cause)),
        _ => None,
    };
    // SAFETY: see the contract.
    unsafe { advance::<F>(fault.into_iter().chain(event)) }
}

/// The event of an exception that is nobody's doing.
fn outside(cause: u32) -> Event {
    if cause >= 16 { Event::Interrupt(cause - 16) } else { Event::Tick }
}

/// Makes a context, and a frame on the task's stack, that begin at the task's entry with empty registers.
///
/// # Safety
///
/// `task` is a task of the table; the kernel may write its stack, which no Rust object overlaps.
unsafe fn begin<F: Firmware>(context: &mut Context, task: usize, arguments: [u32; 2]) {
    // SAFETY: one entry and one stack per task, in generated statics.
    unsafe {
        let [low, high, partition] = (*super::opaque(F::parts().tasks))[task];
        let entry = (*super::opaque(F::parts().entries))[task] as usize as u32;
        let psp = (high & !7) - 32;
        // Returning from the entry goes to an address that no region makes executable.
        let frame = [arguments[0], arguments[1], 0, 0, 0, u32::MAX, entry & !1, XPSR_THUMB];
        write_volatile(psp as *mut [u32; 8], frame);
        *context = Context { psp, exc_return: EXC_RETURN_TASK, control: UNPRIVILEGED, psplim: low, ..Context::NEW };
        if F::SOFTWARE_BOUNDS > 0 {
            // Compiled-in checks find size and base in r10 and r11, and never write them: from here on they are kept
            // as every other register of the task is.
            let [base, size, _] = (*super::opaque(F::parts().software))[partition as usize];
            context.callee_saved[6..].copy_from_slice(&[size, base]);
        }
    }
}

/// Device interrupts: the NVIC's set-enable and clear-enable registers.
pub mod interrupts {
    const ISER: u32 = 0xE000_E100;
    const ICER: u32 = 0xE000_E180;

    fn write(register: u32, interrupt: u32) {
        // SAFETY: one bit of the NVIC, whose registers exist for every number that a vector is there for.
        unsafe { core::ptr::write_volatile((register + interrupt / 32 * 4) as *mut u32, 1 << (interrupt % 32)) };
    }

    /// Keeps the interrupt from firing.
    pub fn mask(interrupt: u32) {
        write(ICER, interrupt);
    }

    /// Lets the interrupt fire.
    pub fn unmask(interrupt: u32) {
        write(ISER, interrupt);
    }
}
