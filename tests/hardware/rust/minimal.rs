//! The least firmware: the switch TCB and a policy that restarts and halts. What it takes is what the TCB takes.
#![no_std]
#![no_main]

mod table {
    include!(concat!(env!("OUT_DIR"), "/region_table.rs"));
}

use switch_tcb::{Fault, FaultPolicy, Halt, Policy, Response};

struct Board;

impl Policy for Board {
    const SLICE: u32 = 25_000;
    #[cfg(target_arch = "riscv32")]
    const MTIME: usize = 0x0200_BFF8;
    #[cfg(target_arch = "riscv32")]
    const MTIMECMP: usize = 0x0200_4000;
    #[cfg(target_arch = "riscv32")]
    const PLIC: u32 = 0x0C00_0000;

    fn fault(&mut self, fault: &Fault) -> Response {
        FaultPolicy::Restart(3).respond(fault.count)
    }

    fn halt(&mut self, _: Halt) -> ! {
        loop {}
    }
}

switch_tcb::firmware!(table, Board, Board);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
