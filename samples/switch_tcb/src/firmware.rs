//! What ties the TCB to one firmware: the generated table, and the product's policy.

use crate::decide::boot::Refusal;
use crate::decide::fault::{Fault, Response};
use crate::decide::kernel::REFUSED;

/// Why the firmware stands still.
#[derive(Clone, Copy, Debug)]
pub enum Halt {
    /// The TCB did not start.
    Refused(Refusal),
    /// A partition's policy escalated.
    Escalated(Fault),
    /// The privileged code itself faulted: exception number or `mcause`, and where, as far as the hardware says.
    Kernel {
        /// Exception number or `mcause`.
        cause: u32,
        /// The address that the hardware reports.
        address: u32,
    },
}

/// What the product decides. Runs privileged; holds no component code.
pub trait Policy {
    /// Timer counts of a slice; a task that does not yield is preempted after at most that many.
    const SLICE: u32;
    /// Address of the core's `mtime`.
    #[cfg(target_arch = "riscv32")]
    const MTIME: usize;
    /// Address of the core's `mtimecmp`.
    #[cfg(target_arch = "riscv32")]
    const MTIMECMP: usize;
    /// Address of the interrupt controller (PLIC).
    #[cfg(target_arch = "riscv32")]
    const PLIC: u32;

    /// What a task finds in its first two registers when it begins.
    fn arguments(&mut self, task: usize) -> [u32; 2] {
        let _ = task;
        [0, 0]
    }

    /// What becomes of a partition that faulted.
    fn fault(&mut self, fault: &Fault) -> Response;

    /// A call with a number that the TCB does not know.
    fn call(&mut self, task: usize, call: [u32; 4]) -> [u32; 3] {
        let _ = (task, call);
        REFUSED
    }

    /// `task` is about to run; it did not run before this entry into the kernel.
    fn turn(&mut self, task: usize) {
        let _ = task;
    }

    /// No task will ever run again.
    fn finished(&mut self) {}

    /// Must not return: what the firmware does instead of running unprotected.
    fn halt(&mut self, why: Halt) -> !;
}

/// Links the TCB with a generated table. Implemented by [`firmware!`](crate::firmware!).
///
/// # Safety
///
/// The constants are those of the generated table, and [`Self::parts`] points to statics of that table and of this
/// firmware that nothing else uses.
pub unsafe trait Firmware: Sized + 'static {
    /// The product's policy.
    type Policy: Policy;
    /// Slots written at boot.
    const STATIC_SLOTS: usize;
    /// Slots rewritten on a switch.
    const DYNAMIC_SLOTS: usize;
    /// The hardware slot of the first dynamic pair.
    const FIRST_DYNAMIC_SLOT: usize;
    /// The hardware slot of the first static pair.
    const FIRST_STATIC_SLOT: usize;
    /// Slots that the product keeps for itself.
    const RESERVED_SLOTS: usize;
    /// Slots that the hardware must have.
    const ALL_SLOTS: usize = Self::STATIC_SLOTS + Self::DYNAMIC_SLOTS + Self::RESERVED_SLOTS;
    /// `MPU_MAIR0` and `MPU_MAIR1` (Armv8-M): the memory types that the regions' `AttrIndx` refers to.
    #[cfg(target_arch = "arm")]
    const MEMORY_ATTRIBUTES: [u32; 2];
    /// What `MPU_CTRL` holds while a partition runs: without PRIVDEFENA the kernel reaches what static regions give it,
    /// and the private peripheral bus.
    #[cfg(target_arch = "arm")]
    const MPU_CONTROL: u32;
    /// What `mseccfg` holds while a partition runs: zero, or with Smepmp MML and MMWP. The kernel then reaches what its
    /// own locked entries give it.
    #[cfg(target_arch = "riscv32")]
    const MSECCFG: u32;
    /// Configuration registers that a switch writes.
    #[cfg(target_arch = "riscv32")]
    const DYNAMIC_CFGS: usize;
    /// The first of them.
    #[cfg(target_arch = "riscv32")]
    const FIRST_DYNAMIC_CFG: usize;
    /// Whether the plan has regions at all. Without them every line about protection disappears from the image.
    const PROTECTED: bool = Self::STATIC_SLOTS + Self::DYNAMIC_SLOTS > 0;
    /// Rows of bounds for compiled-in checks: one per partition, or none.
    const SOFTWARE_BOUNDS: usize;

    /// Where the firmware's statics are.
    fn parts() -> Parts<Self::Policy>;
}

/// The statics of one firmware. Slices are given as pointer and length in one.
pub struct Parts<P> {
    /// `LP_STATIC`.
    pub fixed: *const [[u32; 2]],
    /// `LP_DYNAMIC`, one partition after the other.
    pub dynamic: *const [[u32; 2]],
    /// `LP_DYNAMIC_CFG`, one partition after the other.
    #[cfg(target_arch = "riscv32")]
    pub dynamic_cfg: *const [u32],
    /// `LP_GRANTS`.
    pub grants: *const [[u32; 4]],
    /// `LP_SOFTWARE`.
    pub software: *const [[u32; 3]],
    /// `LP_TASKS`.
    pub tasks: *const [[u32; 3]],
    /// `LP_INTERRUPTS`.
    pub interrupts: *const [[u32; 2]],
    /// `LP_ENTRIES`.
    pub entries: *const [unsafe extern "C" fn()],
    /// `LP_HASH`.
    pub hash: *const u64,
    /// The kernel's records.
    pub records: *mut [crate::Record],
    /// Saved registers, one set per task and one for the idle loop.
    #[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
    pub contexts: *mut [crate::arch::Context],
    /// The product's policy.
    pub policy: *mut P,
}

/// Links the TCB with the module that `include!`s `region_table.rs`, and with the product's policy.
///
/// ```ignore
/// mod table { include!(concat!(env!("OUT_DIR"), "/region_table.rs")); }
/// switch_tcb::firmware!(table, Board, Board::new());
/// ```
#[macro_export]
macro_rules! firmware {
    ($table:ident, $policy:ty, $initial:expr) => {
        struct LayoutplanFirmware;

        static mut LP_TCB_RECORDS: [$crate::Record; $table::TASKS] = [$crate::Record::NEW; $table::TASKS];
        static mut LP_TCB_CONTEXTS: [$crate::arch::Context; $table::TASKS + 1] =
            [$crate::arch::Context::NEW; $table::TASKS + 1];
        static mut LP_TCB_POLICY: $policy = $initial;

        $crate::__link!(LayoutplanFirmware, $table, $policy);
        $crate::__vectors!(LayoutplanFirmware, $table);
    };
}

/// The implementation of [`Firmware`] for one table.
#[cfg(target_arch = "arm")]
#[macro_export]
#[doc(hidden)]
macro_rules! __link {
    ($firmware:ident, $table:ident, $policy:ty) => {
        $crate::__implement!(
            $firmware,
            $table,
            $policy,
            {
                const MEMORY_ATTRIBUTES: [u32; 2] = $table::MEMORY_ATTRIBUTES;
                const MPU_CONTROL: u32 = $table::MPU_CONTROL;
            },
            {}
        );
    };
}

/// The implementation of [`Firmware`] for one table.
#[cfg(target_arch = "riscv32")]
#[macro_export]
#[doc(hidden)]
macro_rules! __link {
    ($firmware:ident, $table:ident, $policy:ty) => {
        $crate::__implement!(
            $firmware, $table, $policy,
            {
                const MSECCFG: u32 = $table::MSECCFG;
                const DYNAMIC_CFGS: usize = $table::DYNAMIC_CFGS;
                const FIRST_DYNAMIC_CFG: usize = $table::FIRST_DYNAMIC_CFG;
            },
            { dynamic_cfg: $table::LP_DYNAMIC_CFG.as_flattened(), }
        );
    };
}

/// What the two architectures share of [`__link`].
#[macro_export]
#[doc(hidden)]
macro_rules! __implement {
    ($firmware:ident, $table:ident, $policy:ty, { $($constants:tt)* }, { $($parts:tt)* }) => {
        // SAFETY: constants and tables come from the one generated module; the three `static mut` are named nowhere
        // else, and `firmware!` can be used once only, because the entry point that it defines has a fixed name.
        unsafe impl $crate::Firmware for $firmware {
            type Policy = $policy;
            const STATIC_SLOTS: usize = $table::STATIC_SLOTS;
            const DYNAMIC_SLOTS: usize = $table::DYNAMIC_SLOTS;
            const FIRST_STATIC_SLOT: usize = $table::FIRST_STATIC_SLOT;
            const FIRST_DYNAMIC_SLOT: usize = $table::FIRST_DYNAMIC_SLOT;
            const RESERVED_SLOTS: usize = $table::RESERVED_SLOTS;
            const SOFTWARE_BOUNDS: usize = $table::SOFTWARE_BOUNDS;
            $($constants)*

            fn parts() -> $crate::arch::Parts<$policy> {
                $crate::arch::Parts {
                    fixed: &raw const $table::LP_STATIC,
                    dynamic: $table::LP_DYNAMIC.as_flattened(),
                    $($parts)*
                    grants: &raw const $table::LP_GRANTS,
                    software: &raw const $table::LP_SOFTWARE,
                    tasks: &raw const $table::LP_TASKS,
                    interrupts: &raw const $table::LP_INTERRUPTS,
                    entries: &raw const $table::LP_ENTRIES,
                    hash: &raw const $table::LP_HASH,
                    records: &raw mut LP_TCB_RECORDS,
                    contexts: &raw mut LP_TCB_CONTEXTS,
                    policy: &raw mut LP_TCB_POLICY,
                }
            }
        }
    };
}
