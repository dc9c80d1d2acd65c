//! The flight controller on QEMU's mps2-an385, mps2-an505 and riscv32 virt: four partitions take turns, and one of them
//! misbehaves when asked to.
//!
//! The emulator's argument names the scenario:
//!
//! - `turns`: everybody behaves.
//! - `stray-write`: telemetry writes a byte into the attitude estimator's memory.
//! - `stray-write-flash`, `stray-write-kernel`, `stray-write-device`: into another's code, the kernel, another's device.
#![no_std]
#![no_main]

#[cfg(armv8m)]
mod an505;
mod semihosting;

mod table {
    include!(concat!(env!("OUT_DIR"), "/region_table.rs"));
}

use core::fmt::Write;
use semihosting::Line;
use switch_tcb::{Fault, FaultPolicy, Halt, Policy, Response};

/// The firmware stops after so many turns, to let a test look at it.
const TURNS: u32 = 400;
const NAMES: [&str; 4] = ["attitude", "gps", "mixer", "telemetry"];
const TELEMETRY: usize = table::LP_PARTITION_TELEMETRY;
/// A device's register that keeps a byte: RELOAD of the mixer's timer.
#[cfg(target_arch = "arm")]
const DEVICE: u32 = if cfg!(armv8m) { 0x5000_0008 } else { 0x4000_0008 };
/// The scratch register of the driver's UART: the RTC that is the mixer's timer here takes words only, so that a byte
/// would be refused without a PMP too.
#[cfg(target_arch = "riscv32")]
const DEVICE: u32 = 0x1000_0007;

unsafe extern "C" {
    static __lp_attitude_data_start: u8;
    static __lp_gps_code_start: u8;
    static __lp_kernel_stack_start: u8;
}

/// The product's decisions: counts turns, stops telemetry at its first fault, restarts the others.
struct Board {
    turns: [u32; table::TASKS],
    victim: Option<*const u8>,
    before: u8,
}

impl Board {
    const fn new() -> Self {
        Self { turns: [0; table::TASKS], victim: None, before: 0 }
    }

    /// The byte that telemetry is told to write to. The estimator's memory begins with its stack, whose lowest byte the
    /// estimator itself never reaches.
    fn choose() -> Option<*const u8> {
        let stack = &raw const __lp_attitude_data_start;
        let choices: [(&[u8], *const u8); 4] = [
            (b"stray-write", stack),
            (b"stray-write-flash", &raw const __lp_gps_code_start),
            (b"stray-write-kernel", &raw const __lp_kernel_stack_start),
            (b"stray-write-device", DEVICE as *const u8),
        ];
        choices.into_iter().find(|(name, _)| semihosting::asked_for(name)).map(|(_, address)| address)
    }

    /// What is at the victim's address.
    fn victim_byte(&self) -> u8 {
        // SAFETY: one of the addresses of `choose`, all of them readable by the kernel.
        self.victim.map_or(0, |address| unsafe { address.read_volatile() })
    }

    fn report(&self) -> ! {
        let mut line = Line::new();
        for (name, turns) in NAMES.iter().zip(&self.turns) {
            let _ = write!(line, "{name}: {turns} turns");
            line.print();
        }
        if self.victim.is_some() {
            let (before, after) = (self.before, self.victim_byte());
            let _ = write!(line, "victim: {before:#04x} before, {after:#04x} after");
            line.print();
        }
        semihosting::exit(0)
    }
}

impl Policy for Board {
    /// 1 ms: SysTick counts at 25 MHz on the AN385 and at 20 MHz on the AN505, `mtime` at 10 MHz.
    #[cfg(target_arch = "arm")]
    const SLICE: u32 = if cfg!(armv8m) { 20_000 } else { 25_000 };
    #[cfg(target_arch = "riscv32")]
    const SLICE: u32 = 10_000;
    #[cfg(target_arch = "riscv32")]
    const MTIME: usize = 0x0200_BFF8;
    #[cfg(target_arch = "riscv32")]
    const MTIMECMP: usize = 0x0200_4000;
    #[cfg(target_arch = "riscv32")]
    const PLIC: u32 = 0x0C00_0000;

    fn arguments(&mut self, task: usize) -> [u32; 2] {
        #[cfg(armv8m)]
        an505::open_granted_devices();
        if task != TELEMETRY {
            return [0, 0];
        }
        self.victim = Self::choose();
        self.before = self.victim_byte();
        [self.victim.map_or(0, |address| address as u32), 0]
    }

    fn fault(&mut self, fault: &Fault) -> Response {
        let mut line = Line::new();
        let name = NAMES[fault.partition];
        let _ = write!(line, "{name}: stopped by {:?} fault at {:#010x}", fault.kind, fault.address.unwrap_or(0));
        line.print();
        let policy = if fault.partition == TELEMETRY { FaultPolicy::Stop } else { FaultPolicy::Restart(3) };
        policy.respond(fault.count)
    }

    fn turn(&mut self, task: usize) {
        self.turns[task] += 1;
        if self.turns.iter().sum::<u32>() == TURNS {
            self.report();
        }
    }

    fn finished(&mut self) {
        self.report();
    }

    fn halt(&mut self, why: Halt) -> ! {
        let mut line = Line::new();
        let _ = write!(line, "halted: {why:?}");
        line.print();
        semihosting::exit(1)
    }
}

switch_tcb::firmware!(table, Board, Board::new());

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut line = Line::new();
    let _ = write!(line, "kernel panic: {info}");
    line.print();
    semihosting::exit(2)
}
