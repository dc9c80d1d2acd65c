//! Tasks, calls, interrupts, faults: which task runs next, and what the machine must do first.

use super::fault::{Fault, FaultKind, Response};
use super::grants;
use super::table::{READ, Table, WRITE, at, at_mut};

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
    /// The task is beyond its entry; until then it begins there the next time it runs.
    begun: bool,
    /// Start and length of what was sent and not yet received; no message is empty, so zero is none.
    message: [u32; 2],
    /// Interrupts that fired and were not yet delivered, as bits: the task's first in the table is bit 0.
    pending: u32,
    /// Faults of the task's partition: each of its tasks has the same number.
    faults: u32,
}

impl Record {
    /// A task that has not run yet.
    pub const NEW: Self = Self { state: State::Ready, begun: false, message: [0; 2], pending: 0, faults: 0 };

    /// Whether the machine must make the task begin before it runs; asked once.
    #[inline]
    pub fn begins(&mut self) -> bool {
        !core::mem::replace(&mut self.begun, true)
    }

    /// Whether nothing will ever make the task run again.
    #[inline]
    pub fn stopped(&self) -> bool {
        self.state == State::Stopped
    }
}

/// What the kernel needs done outside its own memory, and what the product decides.
pub trait Machine {
    /// Keep the interrupt from firing.
    fn mask(&mut self, interrupt: u32);
    /// Let the interrupt fire.
    fn unmask(&mut self, interrupt: u32);
    /// Set the partition's own memory as it was at boot.
    fn initialise(&mut self, table: &Table<'_>, partition: usize);
    /// Put the answer to a call into the registers that the task finds when it goes on.
    fn answer(&mut self, task: usize, answer: [u32; 3]);
    /// The partition's policy.
    fn respond(&mut self, fault: &Fault) -> Response;
    /// A call that the TCB does not know.
    fn call(&mut self, task: usize, call: [u32; 4]) -> [u32; 3];
    /// The policy escalated: does not return in a firmware.
    fn escalate(&mut self, fault: &Fault);
}

/// Which task has its turn. Kept while nothing runs: whoever is next then is not the first task again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The running task, or the last one that ran.
    pub task: usize,
    /// Nothing is ready.
    pub idle: bool,
}

impl Turn {
    /// Before the first task: the next one after it is task 0.
    pub const BEFORE_THE_FIRST: Self = Self { task: usize::MAX, idle: true };
}

/// The kernel's view of the tasks.
pub struct Kernel<'a> {
    /// One record per task.
    pub records: &'a mut [Record],
    /// Who runs.
    pub turn: Turn,
    /// What was planned.
    pub table: Table<'a>,
}

impl Kernel<'_> {
    /// Acts on one event, and gives the turn to the task that runs next.
    pub fn step(&mut self, event: Event, machine: &mut impl Machine) {
        match event {
            Event::Tick => self.pass(),
            Event::Interrupt(number) => self.interrupt(number, machine),
            // Nothing calls or faults while nothing runs: the machine halts on a fault of its own.
            _ if self.turn.idle => {}
            Event::Call(call) => self.call(call, machine),
            Event::Fault(kind, address) => self.fault(kind, address, machine),
        }
        if self.turn.idle || at(self.records, self.turn.task).state != State::Ready {
            self.pass();
        }
    }

    /// The turn goes to the next ready task, round robin; the running one is last.
    fn pass(&mut self) {
        for _ in 0..self.records.len() {
            self.turn.task = self.turn.task.wrapping_add(1);
            if self.turn.task >= self.records.len() {
                self.turn.task = 0;
            }
            self.turn.idle = at(self.records, self.turn.task).state != State::Ready;
            if !self.turn.idle {
                break;
            }
        }
    }

    fn call(&mut self, call: [u32; 4], machine: &mut impl Machine) {
        let task = self.turn.task;
        let record = at_mut(self.records, task);
        match call[0] {
            YIELD => self.pass(),
            WAIT => {
                for interrupt in self.table.interrupts_of(task) {
                    machine.unmask(interrupt);
                }
                record.state = State::Waiting;
                deliver(record, &self.table, task, machine);
            }
            SEND => {
                let taken = self.send(task, call[1], call[2], machine);
                machine.answer(task, [taken, 0, 0]);
            }
            RECEIVE => {
                record.state = State::Receiving;
                deliver(record, &self.table, task, machine);
            }
            EXIT => record.state = State::Stopped,
            FAULT => self.fault(FaultKind::Reported, Some(call[1]), machine),
            _ => {
                let answer = machine.call(task, call);
                machine.answer(task, answer);
            }
        }
    }

    /// Every other task whose partition may read the bytes and that has nothing waiting takes them; returns how many.
    fn send(&mut self, sender: usize, start: u32, length: u32, machine: &mut impl Machine) -> u32 {
        let table = &self.table;
        if !grants::allowed(table, table.partition(sender), start, length, READ | WRITE) {
            return REFUSED[0];
        }
        let mut taken = 0;
        for (task, (record, row)) in self.records.iter_mut().zip(table.tasks).enumerate() {
            if task != sender
                && record.message[1] == 0
                && !record.stopped()
                && grants::allowed(table, row[2] as usize, start, length, READ)
            {
                record.message = [start, length];
                taken += 1;
                deliver(record, table, task, machine);
            }
        }
        taken
    }

    fn interrupt(&mut self, number: u32, machine: &mut impl Machine) {
        // Masked until the task waits again: an unprivileged task cannot silence the device before it runs.
        machine.mask(number);
        if let Some((task, bit)) = self.table.interrupt(number) {
            let record = at_mut(self.records, task);
            record.pending |= bit;
            deliver(record, &self.table, task, machine);
        }
    }

    /// The running task's partition has faulted: the product says what becomes of it, and the next task runs.
    fn fault(&mut self, kind: FaultKind, address: Option<u32>, machine: &mut impl Machine) {
        let Turn { task, .. } = self.turn;
        let partition = self.table.partition(task);
        let count = at(self.records, task).faults.saturating_add(1);
        let fault = Fault { task, partition, kind, address, count };
        let response = machine.respond(&fault);
        if response == Response::Escalate {
            return machine.escalate(&fault);
        }
        if response == Response::Restart {
            machine.initialise(&self.table, partition);
        }
        for (other, (record, row)) in self.records.iter_mut().zip(self.table.tasks).enumerate() {
            if row[2] as usize != partition {
                continue;
            }
            record.faults = count;
            if response == Response::Enter && other != task {
                continue;
            }
            *record = Record { faults: count, ..Record::NEW };
            if response != Response::Enter {
                for interrupt in self.table.interrupts_of(other) {
                    machine.mask(interrupt);
                }
            }
            if response == Response::Stop {
                record.state = State::Stopped;
            }
        }
        self.pass();
    }
}

/// Ends a task's sleep when what it sleeps for is there.
fn deliver(record: &mut Record, table: &Table<'_>, task: usize, machine: &mut impl Machine) {
    let answer = match record.state {
        State::Waiting => {
            let mut bit = 1;
            let mut own = table.interrupts_of(task);
            let number = loop {
                let Some(number) = own.next() else { return };
                if record.pending & bit != 0 {
                    break number;
                }
                bit <<= 1;
            };
            record.pending &= !bit;
            [number, 0, 0]
        }
        State::Receiving if record.message[1] != 0 => {
            let [start, length] = core::mem::take(&mut record.message);
            [start, length, 0]
        }
        _ => return,
    };
    record.state = State::Ready;
    machine.answer(task, answer);
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
