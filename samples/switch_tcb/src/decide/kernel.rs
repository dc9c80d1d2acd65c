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
    /// Interrupts that fired and were not yet delivered, as bits of their places among the task's own.
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
                let place = record.pending.trailing_zeros() as usize;
                record.pending &= record.pending - 1;
                record.answer = Some([self.table.waking(task).nth(place).unwrap_or(u32::MAX), 0, 0]);
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::fault::{Fault, FaultKind, Response};
    use super::super::table::examples::TABLE;
    use super::{EXIT, Event, FAULT, Kernel, Machine, RECEIVE, REFUSED, Record, SEND, State, WAIT, YIELD};
    use std::vec::Vec;

    #[derive(Default)]
    struct Fake {
        masked: Vec<u32>,
        unmasked: Vec<u32>,
        initialised: Vec<usize>,
        faults: Vec<Fault>,
        escalated: bool,
        responses: Vec<Response>,
    }

    impl Machine for Fake {
        fn mask(&mut self, interrupt: u32) {
            self.masked.push(interrupt);
        }
        fn unmask(&mut self, interrupt: u32) {
            self.unmasked.push(interrupt);
        }
        fn initialise(&mut self, partition: usize) {
            self.initialised.push(partition);
        }
        fn respond(&mut self, fault: &Fault) -> Response {
            self.faults.push(*fault);
            self.responses.pop().unwrap_or(Response::Stop)
        }
        fn call(&mut self, _: usize, call: [u32; 4]) -> [u32; 3] {
            if call[0] == 100 { [1, 2, 3] } else { REFUSED }
        }
        fn escalate(&mut self, _: &Fault) {
            self.escalated = true;
        }
    }

    /// Runs `events` on three fresh tasks; returns who ran after each, the records, and what the machine saw.
    fn run(responses: &[Response], events: &[Event]) -> (Vec<Option<usize>>, [Record; 3], Fake) {
        let mut records = [Record::NEW; 3];
        let mut machine = Fake { responses: responses.to_vec(), ..Fake::default() };
        let mut kernel = Kernel { records: &mut records, current: None, table: TABLE };
        let mut order = Vec::new();
        for &event in events {
            kernel.step(event, &mut machine);
            order.push(kernel.current);
        }
        (order, records, machine)
    }

    const fn call(number: u32) -> Event {
        Event::Call([number, 0, 0, 0])
    }

    #[test]
    fn tasks_take_turns() {
        let (order, ..) = run(&[], &[Event::Tick, Event::Tick, call(YIELD), call(YIELD), Event::Tick]);
        assert_eq!(order, [Some(0), Some(1), Some(2), Some(0), Some(1)]);
    }

    #[test]
    fn the_last_ready_task_goes_on_and_an_empty_house_idles() {
        let (order, ..) = run(&[], &[Event::Tick, call(EXIT), call(EXIT), call(YIELD), Event::Tick, call(EXIT)]);
        assert_eq!(order, [Some(0), Some(1), Some(2), Some(2), Some(2), None]);
    }

    #[test]
    fn an_interrupt_is_masked_and_wakes_its_task_once() {
        let events = [Event::Tick, call(WAIT), Event::Interrupt(8), Event::Tick, Event::Tick];
        let (order, mut records, machine) = run(&[], &events);
        assert_eq!(order, [Some(0), Some(1), Some(1), Some(2), Some(0)]);
        assert_eq!((machine.unmasked, machine.masked), (Vec::from([8]), Vec::from([8])));
        assert_eq!(records[0].resume(), (true, Some([8, 0, 0])));
        assert_eq!(records[0].pending, 0);
    }

    #[test]
    fn an_interrupt_that_comes_early_is_delivered_at_the_next_wait() {
        let (order, mut records, _) = run(&[], &[Event::Tick, Event::Interrupt(8), call(WAIT)]);
        assert_eq!(order[2], Some(0));
        assert_eq!(records[0].resume().1, Some([8, 0, 0]));
    }

    #[test]
    fn two_interrupts_are_delivered_one_after_the_other() {
        let waiting = [Event::Tick, Event::Tick, Event::Tick, Event::Interrupt(9), Event::Interrupt(3)];
        let (_, mut records, _) = run(&[], &[&waiting[..], &[call(WAIT)]].concat());
        assert_eq!(records[2].resume().1, Some([3, 0, 0]));
        let (_, mut records, _) = run(&[], &[&waiting[..], &[call(WAIT), call(WAIT)]].concat());
        assert_eq!(records[2].resume().1, Some([9, 0, 0]));
    }

    #[test]
    fn a_stranger_interrupt_is_masked_and_forgotten() {
        let (order, records, machine) = run(&[], &[Event::Tick, Event::Interrupt(4)]);
        assert_eq!((order[1], machine.masked), (Some(0), Vec::from([4])));
        assert!(records.iter().all(|record| record.pending == 0));
    }

    #[test]
    fn what_is_sent_reaches_those_who_may_read_it() {
        let share = Event::Call([SEND, 0x2000_0810, 8, 0]);
        let (_, mut records, _) = run(&[], &[Event::Tick, Event::Tick, call(RECEIVE), Event::Tick, share]);
        assert_eq!(records[0].resume().1, Some([2, 0, 0]));
        assert_eq!(records[1].resume().1, Some([0x2000_0810, 8, 0]));
        assert_eq!((records[1].state, records[2].message), (State::Ready, Some([0x2000_0810, 8])));
    }

    #[test]
    fn what_is_not_the_senders_is_refused_and_reaches_nobody() {
        for (start, length) in [(0x2000_0400, 4), (0x2000_0000, 0x401), (0x2000_0000, 0), (0xFFFF_FFFC, 8)] {
            let (_, mut records, _) = run(&[], &[Event::Tick, Event::Call([SEND, start, length, 0])]);
            assert_eq!(records[0].resume().1, Some(REFUSED));
            assert!(records.iter().all(|record| record.message.is_none()));
        }
    }

    #[test]
    fn a_full_mailbox_takes_nothing_more() {
        let share = Event::Call([SEND, 0x2000_0810, 8, 0]);
        let (_, mut records, _) = run(&[], &[Event::Tick, share, share]);
        assert_eq!(records[0].resume().1, Some([0, 0, 0]));
    }

    #[test]
    fn a_fault_stops_all_tasks_of_its_partition_and_no_other() {
        let fault = Event::Fault(FaultKind::Data, Some(4));
        let (order, records, machine) = run(&[], &[Event::Tick, Event::Tick, fault]);
        assert_eq!(order[2], Some(0));
        assert_eq!(records.map(|record| record.stopped()), [false, true, true]);
        let expected = Fault { task: 1, partition: 1, kind: FaultKind::Data, address: Some(4), count: 1 };
        assert_eq!((machine.faults, machine.masked), (Vec::from([expected]), Vec::from([3, 9])));
        assert!(machine.initialised.is_empty());
    }

    #[test]
    fn a_restart_begins_again_with_memory_set_anew_and_counts() {
        let fault = Event::Fault(FaultKind::Data, None);
        let events = [Event::Tick, Event::Tick, fault, fault];
        let (_, mut records, machine) = run(&[Response::Restart; 2], &events);
        assert_eq!(machine.initialised, [1, 1]);
        assert_eq!(machine.faults.iter().map(|fault| fault.count).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(records[1].resume(), (true, None));
        assert!(!records[2].stopped());
    }

    #[test]
    fn entering_again_keeps_memory_and_the_partitions_other_tasks() {
        let fault = Event::Fault(FaultKind::Data, None);
        let (_, mut records, machine) = run(&[Response::Enter], &[Event::Tick, Event::Tick, fault]);
        assert!(machine.initialised.is_empty() && machine.masked.is_empty());
        assert!(records[1].resume().0);
    }

    #[test]
    fn a_reported_fault_is_a_fault() {
        let (_, _, machine) = run(&[Response::Escalate], &[Event::Tick, Event::Call([FAULT, 7, 0, 0])]);
        assert_eq!((machine.faults[0].kind, machine.faults[0].address), (FaultKind::Reported, Some(7)));
        assert!(machine.escalated);
    }

    #[test]
    fn unknown_calls_go_to_the_product() {
        for (number, answer) in [(100, [1, 2, 3]), (6, REFUSED), (u32::MAX, REFUSED)] {
            let (_, mut records, _) = run(&[], &[Event::Tick, call(number)]);
            assert_eq!(records[0].resume().1, Some(answer));
        }
    }
}
