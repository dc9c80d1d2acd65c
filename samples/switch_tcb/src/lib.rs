//! The switch TCB: all that runs privileged in a firmware whose components are kept apart by an MPU or a PMP.
//!
//! [`decide`] holds every decision as safe, host-tested code over plain data. [`arch`] touches registers and the memory
//! of tasks, and decides nothing. The firmware ties both to the table that `layoutplan` wrote with [`firmware!`].
#![no_std]

#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
pub mod arch;
pub mod decide;
mod firmware;

pub use decide::boot::Refusal;
pub use decide::fault::{Fault, FaultKind, FaultPolicy, Response};
pub use decide::kernel::{REFUSED, Record};
pub use decide::table::Table;
pub use firmware::{Firmware, Halt, Policy};
