//! The flight controller on QEMU's mps2-an385: four partitions take turns, and one of them misbehaves when asked to.
//!
//! The emulator's argument names the scenario:
//!
//! - `turns`: everybody behaves.
//! - `stray-write`: telemetry writes a byte into the attitude estimator's memory.
//! - `stray-write-flash`, `stray-write-kernel`, `stray-write-timer`: into another's code, the kernel, a foreign device.
#![no_std]
#![no_main]

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
/// What the timer's VALUE register would be overwritten in, if telemetry could.
const TIMER_RELOAD: u32 = 0x4000_0008;

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
            (b"stray-write-timer", TIMER_RELOAD as *const u8),
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
    const SLICE: u32 = 25_000; // 1 ms at 25 MHz

    fn arguments(&mut self, task: usize) -> [u32; 2] {
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
