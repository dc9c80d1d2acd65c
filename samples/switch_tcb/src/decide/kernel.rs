//! Tasks, calls, interrupts, faults: which task runs next, and what the machine must do first.

use super::fault::{Fault, FaultKind, Response};
use super::grants;
use super::table::{READ, Table, WRITE};

/// The answer to a call that is refused: an unknown number, or a pointer that was not granted.
pub const REFUSED: [u32; 3] = [u32::MAX, 0, 0];

const YIELD: u32 = 0;
const WAIT: u32 = 1;
const SEND: u32 = 2;
const RECEIVE: u32 = 3;
const EXIT: u32 = 4;
const FAULT: u32 = 5;

/// Why the kernel was entered.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A call: number and three arguments.
    Call([u32; 4]),
    /// The timer.
    Tick,
    /// A device interrupt, by its number.
    Interrupt(u32),
    /// The running task did what it may not.
    Fault(FaultKind, Option<u32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Waiting,
    Receiving,
    Stopped,
}

/// What the kernel knows of one task, besides its registers.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    state: State,
    /// The task begins at its entry the next time it runs.
    fresh: bool,
    /// Goes into the task's registers the next time it runs.
    answer: Option<[u32; 3]>,
    /// Start and length of what was sent and not yet received.
    message: Option<[u32; 2]>,
    /// Interrupts that fired and were not yet delivered, as bits of their indices in the table.
    pending: u32,
    /// Faults of the task's partition, kept in its first task's record.
    faults: u32,
}

impl Record {
    /// A task that has not run yet.
    pub const NEW: Self = Self { state: State::Ready, fresh: true, answer: None, message: None, pending: 0, faults: 0 };

    /// Takes what the machine must put into the task's registers before it runs: a fresh start, or an answer.
    pub fn resume(&mut self) -> (bool, Option<[u32; 3]>) {
        (core::mem::take(&mut self.fresh), self.answer.take())
    }

    /// Whether nothing will ever make the task run again.
    pub fn stopped(&self) -> bool {
        self.state == State::Stopped
    }

    fn begin_again(&mut self) {
        *self = Self { faults: self.faults, ..Self::NEW };
    }
}

/// What the kernel needs done outside its own memory, and what the product decides.
pub trait Machine {
    /// Keep the interrupt from firing.
    fn mask(&mut self, interrupt: u32);
    /// Let the interrupt fire.
    fn unmask(&mut self, interrupt: u32);
    /// Set the partition's own memory as it was at boot.
    fn initialise(&mut self, partition: usize);
    /// The partition's policy.
    fn respond(&mut self, fault: &Fault) -> Response;
    /// A call that the TCB does not know.
    fn call(&mut self, task: usize, call: [u32; 4]) -> [u32; 3];
    /// The policy escalated: does not return in a firmware.
    fn escalate(&mut self, fault: &Fault);
}

/// The kernel's view of the tasks. `current` is `None` while nothing is ready.
pub struct Kernel<'a> {
    /// One record per task.
    pub records: &'a mut [Record],
    /// The running task.
    pub current: Option<usize>,
    /// What was planned.
    pub table: Table<'a>,
}

impl Kernel<'_> {
    /// Acts on one event, and sets [`Self::current`] to the task that runs next.
    pub fn step(&mut self, event: Event, machine: &mut impl Machine) {
        let mut next = self.current;
        match (event, self.current) {
            (Event::Tick, _) | (Event::Call([YIELD, ..]), Some(_)) => next = self.following(),
            (Event::Interrupt(number), _) => self.interrupt(number, machine),
            (Event::Call(call), Some(task)) => self.call(task, call, machine),
            (Event::Fault(kind, address), Some(task)) => {
                self.fault(task, kind, address, machine);
                next = self.following();
            }
            // Nothing calls or faults while nothing runs: the machine halts on a fault of its own.
            (Event::Call(_) | Event::Fault(..), None) => {}
        }
        self.current = match next {
            Some(task) if self.records[task].state == State::Ready => next,
            _ => self.following(),
        };
    }

    /// The next ready task, round robin; the running one last.
    fn following(&self) -> Option<usize> {
        let count = self.records.len();
        let from = self.current.map_or(count - 1, |task| task);
        (1..=count).map(|step| (from + step) % count).find(|&task| self.records[task].state == State::Ready)
    }

    fn call(&mut self, task: usize, call: [u32; 4], machine: &mut impl Machine) {
        match call[0] {
            WAIT => {
                self.records[task].state = State::Waiting;
                for entry in self.table.interrupts.iter().filter(|entry| entry[1] as usize == task) {
                    machine.unmask(entry[0]);
                }
                self.deliver(task);
            }
            SEND => self.records[task].answer = Some([self.send(task, call[1], call[2]), 0, 0]),
            RECEIVE => {
                self.records[task].state = State::Receiving;
                self.deliver(task);
            }
            EXIT => self.records[task].state = State::Stopped,
            FAULT => self.fault(task, FaultKind::Reported, Some(call[1]), machine),
            _ => self.records[task].answer = Some(machine.call(task, call)),
        }
    }

    /// Every other task whose partition may read the bytes and that has nothing waiting takes them; returns how many.
    fn send(&mut self, sender: usize, start: u32, length: u32) -> u32 {
        let table = self.table;
        if !grants::allowed(&table, table.partition(sender), start, length, READ | WRITE) {
            return REFUSED[0];
        }
        let mut taken = 0;
        for task in (0..self.records.len()).filter(|&task| task != sender) {
            let may = grants::allowed(&table, table.partition(task), start, length, READ);
            if may && self.records[task].message.is_none() && !self.records[task].stopped() {
                self.records[task].message = Some([start, length]);
                self.deliver(task);
                taken += 1;
            }
        }
        taken
    }

    fn interrupt(&mut self, number: u32, machine: &mut impl Machine) {
        // Masked until the task waits again: an unprivileged task cannot silence the device before it runs.
        machine.mask(number);
        if let Some((task, bit)) = self.table.interrupt(number) {
            self.records[task].pending |= bit;
            self.deliver(task);
        }
    }

    /// Ends a task's sleep when what it sleeps for is there.
    fn deliver(&mut self, task: usize) {
        let record = &mut self.records[task];
        match record.state {
            State::Waiting if record.pending != 0 => {
                let index = record.pending.trailing_zeros();
                record.pending &= record.pending - 1;
                record.answer = Some([self.table.interrupts[index as usize][0], 0, 0]);
                record.state = State::Ready;
            }
            State::Receiving => {
                if let Some([start, length]) = record.message.take() {
                    record.answer = Some([start, length, 0]);
                    record.state = State::Ready;
                }
            }
            State::Ready | State::Waiting | State::Stopped => {}
        }
    }

    fn fault(&mut self, task: usize, kind: FaultKind, address: Option<u32>, machine: &mut impl Machine) {
        let partition = self.table.partition(task);
        let own = |table: &Table<'_>, task: usize| table.partition(task) == partition;
        let first = (0..self.records.len()).find(|&other| own(&self.table, other)).unwrap_or(task);
        self.records[first].faults += 1;
        let fault = Fault { task, partition, kind, address, count: self.records[first].faults };
        match machine.respond(&fault) {
            Response::Enter => self.records[task].begin_again(),
            Response::Escalate => machine.escalate(&fault),
            response => {
                for other in (0..self.records.len()).filter(|&other| own(&self.table, other)) {
                    self.records[other].begin_again();
                    if response == Response::Stop {
                        self.records[other].state = State::Stopped;
                    }
                    for entry in self.table.interrupts.iter().filter(|entry| entry[1] as usize == other) {
                        machine.mask(entry[0]);
                    }
                }
                if response == Response::Restart {
                    machine.initialise(partition);
                }
            }
        }
    }
}
