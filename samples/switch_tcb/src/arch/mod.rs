//! Registers and the memory of tasks. Decides nothing: see [`crate::decide`].

#[cfg(all(target_arch = "arm", armv6m))]
mod armv6m;
#[cfg(all(target_arch = "arm", not(armv8m)))]
mod armv7m;
#[cfg(all(target_arch = "arm", armv8m))]
mod armv8m;
#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(target_arch = "riscv32")]
mod interrupts;
#[cfg(target_arch = "riscv32")]
mod pmp;
#[cfg(target_arch = "riscv32")]
mod riscv;
#[cfg(target_arch = "riscv32")]
mod smepmp;
#[cfg(target_arch = "arm")]
mod state;
#[cfg(all(target_arch = "arm", not(armv6m)))]
mod status;
#[cfg(target_arch = "arm")]
mod vectors;

#[cfg(all(target_arch = "arm", armv6m))]
use armv6m as protection;
#[cfg(all(target_arch = "arm", not(armv6m), not(armv8m)))]
use armv7m as protection;
#[cfg(all(target_arch = "arm", armv8m))]
use armv8m as protection;
#[cfg(target_arch = "arm")]
pub use cortex_m::{Context, entry};
#[cfg(target_arch = "arm")]
use cortex_m::{answer, begin, interrupts};
#[cfg(target_arch = "riscv32")]
use pmp as protection;
#[cfg(target_arch = "riscv32")]
pub use riscv::{Context, entry, reset};
#[cfg(target_arch = "riscv32")]
use riscv::{answer, begin};
#[cfg(target_arch = "arm")]
pub use vectors::{Handler, VTOR, Vectors, interrupt_vectors, reset};

pub use crate::firmware::Parts;

use crate::decide::fault::{Fault, Response};
use crate::decide::kernel::{Kernel, Machine, Turn};
use crate::decide::table::{Table, at_mut};
use crate::decide::{boot, grants};
use crate::firmware::{Firmware, Halt, Policy};
use core::marker::PhantomData;
use core::ptr::{read_volatile, slice_from_raw_parts, write_volatile};

unsafe extern "C" {
    static __lp_hash: u64;
    static __lp_init_start: [u32; 4];
    static __lp_init_shared: [u32; 4];
    static __lp_init_end: [u32; 4];
}

/// What the kernel remembers between two entries, besides contexts. At first without tasks and tables, which [`start`]
/// gives it.
static mut RUNNING: Kernel<'static> = Kernel {
    records: &mut [],
    turn: Turn::BEFORE_THE_FIRST,
    table: Table { grants: &[], tasks: &[], interrupts: &[] },
};

/// The partition whose regions are loaded; at first none, which no partition's number is. A word of its own: without a
/// protection unit nothing refers to it, and it takes no memory.
static mut LOADED: usize = usize::MAX;

/// Hides from the compiler where `rows` are. Without it rustc reads the table's words at compile time, and a proof about
/// the words in the image says nothing about what runs.
fn opaque<T>(rows: *const [T]) -> *const [T] {
    let mut first = rows.cast::<T>();
    // SAFETY: an empty instruction sequence; only the compiler believes that it changes the local `first`.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) first, options(pure, readonly, nostack, preserves_flags)) };
    slice_from_raw_parts(first, rows.len())
}

/// Copies and zeroes the memory of the rows of `LP_INIT`: of all of them, shares included, or of those whose memory is
/// one partition's alone.
///
/// # Safety
///
/// None of that memory is in use, and `copy` may store into it. The script's symbols stand around whole rows, and a
/// row's ranges are those of a planned block, which no Rust object overlaps.
unsafe fn initialise(table: &Table<'_>, partition: Option<usize>, copy: unsafe fn([u32; 4])) {
    let mut row = &raw const __lp_init_start;
    // A share keeps its content while others are using it.
    let end = if partition.is_some() { &raw const __lp_init_shared } else { &raw const __lp_init_end };
    while row < end {
        // SAFETY: `row` walks in whole rows, aligned words in flash, from one symbol to the other.
        let words = unsafe { read_volatile(row) };
        if partition.is_none_or(|partition| grants::sole(table, partition, words[1])) {
            // SAFETY: by the contract.
            unsafe { copy(words) };
        }
        row = row.wrapping_add(1);
    }
}

/// Copies and zeroes the memory of one row.
///
/// # Safety
///
/// As for [`initialise`].
unsafe fn copy([load, start, copied, zeroed]: [u32; 4]) {
    for offset in 0..copied + zeroed {
        // SAFETY: inside the load image and the block, by the contract.
        unsafe {
            let byte = if offset < copied { read_volatile((load + offset) as *const u8) } else { 0 };
            write_volatile((start + offset) as *mut u8, byte);
        }
    }
}

/// Zeroes `count` words from `first` on: a task that begins finds nothing of anybody's.
///
/// # Safety
///
/// They are the kernel's to write.
unsafe fn clear(first: *mut u32, count: usize) {
    for word in 0..count {
        // SAFETY: by the contract. Volatile, or the loop becomes a call of memset, which is longer than all callers.
        unsafe { write_volatile(first.add(word), 0) };
    }
}

/// Stands still for good.
#[cold]
#[inline(never)]
fn halt<F: Firmware>(why: Halt) -> ! {
    // SAFETY: entered on the way out of the kernel; nothing else runs any more.
    unsafe { (*F::parts().policy).halt(why) }
}

/// The machine as the decisions see it.
struct Hardware<F>(PhantomData<F>);

impl<F: Firmware> Hardware<F> {
    fn policy(&mut self) -> &'static mut F::Policy {
        // SAFETY: there is one `Hardware` at a time, made on the way into the kernel, which nothing interrupts;
        // and no reference outlives a call of the policy.
        unsafe { &mut *F::parts().policy }
    }
}

impl<F: Firmware> Machine for Hardware<F> {
    fn mask(&mut self, interrupt: u32) {
        interrupts::mask(interrupt);
    }

    fn unmask(&mut self, interrupt: u32) {
        interrupts::unmask(interrupt);
    }

    fn initialise(&mut self, table: &Table<'_>, partition: usize) {
        #[cfg(target_arch = "arm")]
        let copy = copy;
        #[cfg(target_arch = "riscv32")]
        let copy = if F::MSECCFG == 0 { copy } else { smepmp::copy_as_task };
        // SAFETY: no task runs while the kernel does, and the partition's tasks begin again afterwards. It is the one that
        // faulted, so that its regions are loaded.
        unsafe { initialise(table, Some(partition), copy) };
    }

    fn answer(&mut self, task: usize, words: [u32; 3]) {
        // SAFETY: a task of the table that has called, and has not gone on since.
        unsafe { answer::<F>(task, words) };
    }

    fn respond(&mut self, fault: &Fault) -> Response {
        self.policy().fault(fault)
    }

    fn call(&mut self, task: usize, call: [u32; 4]) -> [u32; 3] {
        self.policy().call(task, call)
    }

    fn escalate(&mut self, fault: &Fault) {
        halt::<F>(Halt::Escalated(*fault));
    }
}

/// Checks, then makes everything ready that the first partition needs. The caller starts the timer and waits.
///
/// # Safety
///
/// Called once, at boot.
unsafe fn start<F: Firmware>() {
    let parts = F::parts();
    // SAFETY: nothing else runs. The pointers are to the firmware's own records, and to immutable statics of the
    // generated table: `Firmware` promises it.
    let kernel = unsafe {
        let running = &raw mut RUNNING;
        let kernel = &mut *running;
        kernel.records = &mut *parts.records;
        kernel.table = Table {
            grants: &*opaque(parts.grants),
            tasks: &*opaque(parts.tasks),
            interrupts: &*opaque(parts.interrupts),
        };
        kernel
    };
    // SAFETY: both are aligned doublewords in flash, one from the script, one from the table.
    let (script, table_hash) = unsafe { (read_volatile(&raw const __lp_hash), read_volatile(parts.hash)) };
    let mut checked = boot::check_hash(script, table_hash);
    if F::PROTECTED {
        checked = checked.and_then(|()| boot::check_slots(protection::slots::<F>(), F::ALL_SLOTS as u32));
    }
    if let Err(refusal) = checked {
        halt::<F>(Halt::Refused(refusal));
    }
    // SAFETY: no task has run yet, so nobody uses the blocks.
    unsafe { initialise(&kernel.table, None, copy) };
    if F::PROTECTED {
        // SAFETY: words of the generated table.
        unsafe { protection::start::<F>(opaque(parts.fixed).cast()) };
        #[cfg(target_arch = "riscv32")]
        // SAFETY: the static entries are written.
        if let Err(refusal) = unsafe { smepmp::lock_down::<F>() } {
            halt::<F>(Halt::Refused(refusal));
        }
    } else {
        protection::open();
    }
}

/// Loads the regions of the partition that runs next, unless they are loaded already. Returns the index of the context
/// to leave the kernel by: the task's, or the one behind all tasks', which is the idle loop's. `before` is who ran when
/// the kernel was entered.
///
/// # Safety
///
/// Called on the way out of the kernel, which nothing interrupts.
unsafe fn leave<F: Firmware>(kernel: &mut Kernel<'static>, before: Turn) -> usize {
    let Turn { task, idle } = kernel.turn;
    let policy = Hardware::<F>(PhantomData).policy();
    if idle {
        if kernel.records.iter().all(crate::Record::stopped) {
            policy.finished();
        }
        return F::parts().records.len();
    }
    let partition = kernel.table.partition(task);
    // SAFETY: see the contract; the only place that names it.
    if F::PROTECTED && unsafe { LOADED } != partition {
        let parts = F::parts();
        // SAFETY: the table has DYNAMIC_SLOTS pairs for each partition, and partition indices of LP_TASKS are below
        // PARTITIONS: the generated table asserts both.
        unsafe {
            LOADED = partition;
            let words = opaque(parts.dynamic).cast::<[u32; 2]>().add(partition * F::DYNAMIC_SLOTS);
            #[cfg(target_arch = "arm")]
            protection::load::<F>(words);
            #[cfg(target_arch = "riscv32")]
            protection::load::<F>(words, opaque(parts.dynamic_cfg).cast::<u32>().add(partition * F::DYNAMIC_CFGS));
        }
    }
    if before != kernel.turn {
        policy.turn(task);
    }
    if at_mut(kernel.records, task).begins() {
        // SAFETY: a task of the table, of whose registers and stack nothing is needed any more.
        unsafe { begin::<F>(task, policy.arguments(task)) };
    }
    task
}
