//! Registers and the memory of tasks. Decides nothing: see [`crate::decide`].

#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(all(target_arch = "arm", not(armv8m)))]
#[path = "armv7m.rs"]
mod protection;
#[cfg(all(target_arch = "arm", armv8m))]
#[path = "armv8m.rs"]
mod protection;
#[cfg(target_arch = "riscv32")]
mod riscv;
#[cfg(target_arch = "arm")]
mod state;

#[cfg(target_arch = "arm")]
use cortex_m::interrupts;
#[cfg(target_arch = "arm")]
pub use cortex_m::{Context, Handler, Vectors, entry, interrupt_vectors, reset};
#[cfg(target_arch = "riscv32")]
pub use riscv::{Context, entry, reset};
#[cfg(target_arch = "riscv32")]
use riscv::{interrupts, pmp as protection};

pub use crate::firmware::Parts;

use crate::decide::fault::{Fault, Response};
use crate::decide::kernel::{Event, Kernel, Machine};
use crate::decide::table::Table;
use crate::decide::{boot, grants};
use crate::firmware::{Firmware, Halt, Policy};
use core::ptr::{read_volatile, write_volatile};

unsafe extern "C" {
    static __lp_hash: u64;
    static __lp_init_start: [u32; 4];
    static __lp_init_shared: [u32; 4];
    static __lp_init_end: [u32; 4];
}

/// What the kernel remembers between two entries, besides records and contexts.
struct Running {
    /// The task that runs, none while the idle loop does.
    task: Option<usize>,
    /// The partition whose regions are loaded.
    partition: Option<usize>,
}

static mut RUNNING: Running = Running { task: None, partition: None };

/// Hides from the compiler where `pointer` points. Without it rustc reads the table's words at compile time, and a
/// proof about the words in the image says nothing about what runs.
fn opaque<T: ?Sized>(pointer: *const T) -> *const T
where
    *const T: Copy,
{
    let mut hidden = pointer;
    let escaped = &raw mut hidden;
    // SAFETY: an empty instruction sequence; only the compiler believes that it may write the local `hidden`.
    unsafe { core::arch::asm!("/* {0} */", in(reg) escaped, options(nostack, preserves_flags)) };
    hidden
}

/// The generated tables, as they stand in the image.
///
/// # Safety
///
/// `parts` come from [`Firmware::parts`], which points to the generated statics.
unsafe fn table<P>(parts: &Parts<P>) -> Table<'static> {
    // SAFETY: the pointers are to immutable statics of the generated table, valid for ever; see the contract.
    unsafe {
        Table { grants: &*opaque(parts.grants), tasks: &*opaque(parts.tasks), interrupts: &*opaque(parts.interrupts) }
    }
}

/// Copies and zeroes the memory of one row of `LP_INIT`.
///
/// # Safety
///
/// `row` is a row that the linker laid down: its ranges are those of a planned block, which no Rust object overlaps.
unsafe fn initialise_row(row: *const [u32; 4]) {
    // SAFETY: rows are aligned words in flash.
    let [load, start, copied, zeroed] = unsafe { read_volatile(row) };
    for offset in 0..copied {
        // SAFETY: inside the load image and the block, by the contract.
        unsafe { write_volatile((start + offset) as *mut u8, read_volatile((load + offset) as *const u8)) };
    }
    for offset in copied..copied + zeroed {
        // SAFETY: inside the block, by the contract.
        unsafe { write_volatile((start + offset) as *mut u8, 0) };
    }
}

/// Sets up the rows of `LP_INIT` from `row` up to `end` whose start satisfies `wanted`.
///
/// # Safety
///
/// Both are symbols that the script puts around whole rows.
unsafe fn initialise(mut row: *const [u32; 4], end: *const [u32; 4], wanted: impl Fn(u32) -> bool) {
    while row < end {
        // SAFETY: `row` walks in whole rows from one symbol to the other.
        unsafe {
            if wanted(read_volatile(row)[1]) {
                initialise_row(row);
            }
            row = row.add(1);
        }
    }
}

/// Compares table, script and hardware.
fn check<F: Firmware>(found_slots: u32) -> Result<(), boot::Refusal> {
    let planned = if F::PROTECTED { F::ALL_SLOTS } else { 0 };
    // SAFETY: both are aligned doublewords in flash, one from the script, one from the table.
    let (script, table) = unsafe { (read_volatile(&raw const __lp_hash), read_volatile(F::parts().hash)) };
    boot::check(found_slots, planned as u32, script, table)
}

/// Stands still for good.
fn halt<F: Firmware>(why: Halt) -> ! {
    // SAFETY: entered on the way out of the kernel; nothing else runs any more.
    unsafe { (*F::parts().policy).halt(why) }
}

/// The machine as the decisions see it.
struct Hardware<'a, F: Firmware> {
    table: Table<'a>,
    policy: &'a mut F::Policy,
}

impl<F: Firmware> Machine for Hardware<'_, F> {
    fn mask(&mut self, interrupt: u32) {
        interrupts::mask(interrupt);
    }

    fn unmask(&mut self, interrupt: u32) {
        interrupts::unmask(interrupt);
    }

    fn initialise(&mut self, partition: usize) {
        let table = self.table;
        // SAFETY: the script's symbols. A share keeps its content: others are using it.
        unsafe {
            initialise(&raw const __lp_init_start, &raw const __lp_init_shared, |start| {
                grants::sole(&table, partition, start)
            });
        }
    }

    fn respond(&mut self, fault: &Fault) -> Response {
        self.policy.fault(fault)
    }

    fn call(&mut self, task: usize, call: [u32; 4]) -> [u32; 3] {
        self.policy.call(task, call)
    }

    fn escalate(&mut self, fault: &Fault) {
        self.policy.halt(Halt::Escalated(*fault));
    }
}

/// Checks, then makes everything ready that the first partition needs. The caller starts the timer and waits.
fn start<F: Firmware>() {
    let found = if F::PROTECTED { protection::slots::<F>() } else { 0 };
    if let Err(refusal) = check::<F>(found) {
        halt::<F>(Halt::Refused(refusal));
    }
    // SAFETY: the script's symbols; no task has run yet, so nobody uses the blocks.
    unsafe { initialise(&raw const __lp_init_start, &raw const __lp_init_end, |_| true) };
    if F::PROTECTED {
        // SAFETY: words of the generated table.
        unsafe { protection::start::<F>(opaque(F::parts().fixed).cast()) };
    } else {
        protection::open();
    }
}

/// What runs next, and what the architecture must put into its registers first.
struct Next {
    /// The task; none for the idle loop.
    task: Option<usize>,
    /// It begins at its entry, with these arguments.
    begin: Option<[u32; 2]>,
    /// It gets the answer to its call.
    answer: Option<[u32; 3]>,
}

/// Acts on `events` in turn, then loads the regions of the partition that runs next, unless they are loaded already.
///
/// # Safety
///
/// Called from the one kernel entry, which nothing interrupts: it has the kernel's statics to itself.
unsafe fn advance<F: Firmware>(events: impl IntoIterator<Item = Event>) -> Next {
    let parts = F::parts();
    let running = &raw mut RUNNING;
    // SAFETY: nothing else runs; see the contract. The pointers are those of the firmware's own statics.
    let (running, records, policy, table) =
        unsafe { (&mut *running, &mut *parts.records, &mut *parts.policy, table(&parts)) };
    let before = running.task;
    let mut kernel = Kernel { records, current: before, table };
    let mut hardware = Hardware::<F> { table, policy };
    for event in events {
        kernel.step(event, &mut hardware);
    }
    running.task = kernel.current;
    let policy = hardware.policy;
    let Some(task) = running.task else {
        if kernel.records.iter().all(crate::Record::stopped) {
            policy.finished();
        }
        return Next { task: None, begin: None, answer: None };
    };
    if F::PROTECTED {
        let partition = table.partition(task);
        if running.partition != Some(partition) {
            // SAFETY: the table has DYNAMIC_SLOTS pairs for each partition, and partition indices of LP_TASKS are below
            // PARTITIONS: the generated table asserts both.
            unsafe {
                let words = opaque(parts.dynamic).cast::<[u32; 2]>().add(partition * F::DYNAMIC_SLOTS);
                #[cfg(target_arch = "arm")]
                protection::load::<F>(words);
                #[cfg(target_arch = "riscv32")]
                protection::load::<F>(words, opaque(parts.dynamic_cfg).cast::<u32>().add(partition * F::DYNAMIC_CFGS));
            }
            running.partition = Some(partition);
        }
    }
    let (fresh, answer) = kernel.records[task].resume();
    if before != Some(task) {
        policy.turn(task);
    }
    Next { task: Some(task), begin: fresh.then(|| policy.arguments(task)), answer }
}
