//! The firmware under attack: the switch TCB, and a policy that hands out the steps that the emulator loaded into the
//! kernel's memory, and records what became of each.
#![no_std]
#![no_main]

#[cfg(armv8m)]
#[path = "../../../samples/flight_controller/firmware/src/an505.rs"]
mod an505;
#[path = "../../../samples/flight_controller/firmware/src/semihosting.rs"]
#[allow(dead_code, reason = "the sample prints; this firmware sends one block")]
mod semihosting;

mod table {
    include!(concat!(env!("OUT_DIR"), "/region_table.rs"));
}

use switch_tcb::{Fault, Halt, Policy, REFUSED, Response};

const NEXT: u32 = 0x100;
const DONE: u32 = 0x101;
const CAPACITY: usize = 8192;
/// So often the other tasks are told to yield before a step's task is given up.
const PATIENCE: u32 = 4000;
/// A reported fault beyond this is a halt, not a partition's.
const HALTED: u32 = 0x100;

/// One attempt, as `tests/hardware/steps.py` lays it out.
#[repr(C)]
#[derive(Clone, Copy)]
struct Step {
    task: u8,
    operation: u8,
    response: u8,
    spare: u8,
    address: u32,
    value: u32,
    /// A byte that the kernel reads before and after, or zero.
    observe: u32,
}

/// What became of it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Outcome {
    /// 0 when it completed, else the kind of fault.
    kind: u32,
    partition: u32,
    address: u32,
    value: u32,
    before: u8,
    after: u8,
    turns: u16,
    /// When, by a counter of the machine.
    clock: u32,
}

/// Count, then steps; not initialised at start-up, because the emulator loads it.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".uninit.steps")]
static mut LP_STEPS: (u32, [Step; CAPACITY]) =
    (0, [Step { task: 0, operation: 0, response: 0, spare: 0, address: 0, value: 0, observe: 0 }; CAPACITY]);

#[unsafe(link_section = ".uninit.outcomes")]
static mut OUTCOMES: [Outcome; CAPACITY] =
    [Outcome { kind: 0, partition: 0, address: 0, value: 0, before: 0, after: 0, turns: 0, clock: 0 }; CAPACITY];

/// A counter that the emulator advances with the instructions.
mod clock {
    #[cfg(target_arch = "arm")]
    pub fn now() -> u32 {
        if crate::table::MPU_CONTROL & 0b100 == 0 {
            return 0; // without its background map the kernel reaches no device but the private peripheral bus
        }
        // CMSDK APB timer 1, counting down from its greatest value: CTRL, VALUE, RELOAD.
        let timer = if cfg!(armv8m) { 0x5000_1000 } else { 0x4000_1000 } as *mut u32;
        // SAFETY: a device of the board that no manifest of the tests grants.
        unsafe {
            if timer.read_volatile() == 0 {
                timer.add(2).write_volatile(u32::MAX);
                timer.add(1).write_volatile(u32::MAX);
                timer.write_volatile(1);
            }
            !timer.add(1).read_volatile()
        }
    }

    #[cfg(target_arch = "riscv32")]
    pub fn now() -> u32 {
        let count;
        // SAFETY: reads the counter of retired instructions.
        unsafe { core::arch::asm!("csrr {0}, minstret", out(reg) count) };
        count
    }
}

struct Driver {
    index: usize,
    handed_out: bool,
    before: u8,
    turns: u16,
    asked_in_vain: u32,
}

impl Driver {
    fn step(&self) -> Option<Step> {
        // SAFETY: the kernel has its statics to itself; loaded before the first instruction.
        let (count, steps) = unsafe { (LP_STEPS.0 as usize, &*(&raw const LP_STEPS.1)) };
        (self.index < count).then(|| steps[self.index])
    }

    fn look(step: Step) -> u8 {
        // SAFETY: the list asks for this only where the kernel can read.
        if step.observe != 0 { unsafe { (step.observe as *const u8).read_volatile() } } else { 0 }
    }

    fn record(&mut self, kind: u32, partition: u32, address: u32, value: u32) {
        let Some(step) = self.step() else { self.end(1) };
        let outcome = Outcome {
            kind,
            partition,
            address,
            value,
            before: self.before,
            // A kernel that stands still may do so because it looked.
            after: if kind < HALTED * 2 { Self::look(step) } else { self.before },
            turns: self.turns,
            clock: clock::now(),
        };
        // SAFETY: as in `step`; the index was looked at there.
        unsafe { (&raw mut OUTCOMES).cast::<Outcome>().add(self.index).write_volatile(outcome) };
        self.index += 1;
        self.handed_out = false;
        self.asked_in_vain = 0;
        if self.step().is_none() {
            self.end(0);
        }
    }

    fn end(&self, code: u32) -> ! {
        let bytes = self.index * size_of::<Outcome>();
        semihosting::write_block((&raw const OUTCOMES).cast(), bytes as u32);
        semihosting::exit(code)
    }
}

impl Policy for Driver {
    #[cfg(target_arch = "arm")]
    const SLICE: u32 = 400;
    #[cfg(target_arch = "riscv32")]
    const SLICE: u32 = 160; // mtime counts at 10 MHz, so that a slice is about as many instructions as on Arm
    #[cfg(target_arch = "riscv32")]
    const MTIME: usize = 0x0200_BFF8;
    #[cfg(target_arch = "riscv32")]
    const MTIMECMP: usize = 0x0200_4000;
    #[cfg(target_arch = "riscv32")]
    const PLIC: u32 = 0x0C00_0000;

    #[cfg(armv8m)]
    fn arguments(&mut self, _: usize) -> [u32; 2] {
        an505::open_granted_devices();
        [0; 2]
    }

    fn fault(&mut self, fault: &Fault) -> Response {
        let step = self.step();
        let expected = step.is_some_and(|step| usize::from(step.task) == fault.task) && self.handed_out;
        let kind = fault.kind as u32 + if expected { 0 } else { HALTED };
        self.record(kind, fault.partition as u32, fault.address.unwrap_or(u32::MAX), fault.count);
        match step.map_or(2, |step| step.response) {
            0 => Response::Enter,
            1 => Response::Restart,
            2 => Response::Stop,
            _ => Response::Escalate,
        }
    }

    fn call(&mut self, task: usize, [number, value, ..]: [u32; 4]) -> [u32; 3] {
        let Some(step) = self.step() else { self.end(0) };
        let owner = usize::from(step.task) == task;
        match number {
            NEXT if owner => {
                self.before = Self::look(step);
                self.handed_out = true;
                self.turns = 0;
                // An exit has no answer; it is done when it is asked for.
                if step.operation == 17 {
                    self.record(0, step.task.into(), step.address, 0);
                }
                [step.operation.into(), step.address, step.value]
            }
            NEXT => {
                // The step's task may be stopped for good; the others go on asking.
                self.asked_in_vain += 1;
                if self.asked_in_vain > PATIENCE {
                    self.end(5);
                }
                [0, 0, 0]
            }
            DONE if owner && self.handed_out => {
                self.record(0, table::LP_TASKS[task][2], step.address, value);
                [0; 3]
            }
            _ => REFUSED,
        }
    }

    fn turn(&mut self, _: usize) {
        self.turns = self.turns.saturating_add(1);
    }

    fn finished(&mut self) {
        self.end(3);
    }

    fn halt(&mut self, why: Halt) -> ! {
        let (kind, address, value) = match why {
            Halt::Refused(switch_tcb::Refusal::Slots { found, planned }) => (1, found, planned),
            Halt::Refused(switch_tcb::Refusal::Hash { script, table }) => (2, script as u32, table as u32),
            Halt::Refused(switch_tcb::Refusal::Mseccfg { found, planned }) => (5, found, planned),
            Halt::Escalated(fault) => (3, fault.kind as u32, fault.count),
            Halt::Kernel { cause, address } => (4, cause, address),
        };
        self.record(HALTED * 2 + kind, u32::MAX, address, value);
        self.end(4)
    }
}

switch_tcb::firmware!(table, Driver, Driver { index: 0, handed_out: false, before: 0, turns: 0, asked_in_vain: 0 });

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::exit(2)
}
