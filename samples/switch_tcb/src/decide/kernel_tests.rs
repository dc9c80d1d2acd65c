//! Host tests of the kernel's decisions.

extern crate std;
use super::super::fault::{Fault, FaultKind, Response};
use super::super::table::Table;
use super::super::table::examples::TABLE;
use super::{EXIT, Event, FAULT, Kernel, Machine, RECEIVE, REFUSED, Record, SEND, State, Turn, WAIT, YIELD};
use std::vec::Vec;

#[derive(Default)]
struct Fake {
    masked: Vec<u32>,
    unmasked: Vec<u32>,
    initialised: Vec<usize>,
    begun: Vec<usize>,
    answers: [Option<[u32; 3]>; 3],
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
    fn initialise(&mut self, _: &Table<'_>, partition: usize) {
        self.initialised.push(partition);
    }
    fn answer(&mut self, task: usize, answer: [u32; 3]) {
        self.answers[task] = Some(answer);
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
    let mut kernel = Kernel { records: &mut records, turn: Turn::BEFORE_THE_FIRST, table: TABLE };
    let mut order = Vec::new();
    for &event in events {
        kernel.step(event, &mut machine);
        if !kernel.turn.idle && kernel.records[kernel.turn.task].begins() {
            machine.begun.push(kernel.turn.task);
        }
        order.push((!kernel.turn.idle).then_some(kernel.turn.task));
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
fn after_nothing_ran_the_turn_goes_on_where_it_was() {
    let quiet = [Event::Tick, call(WAIT), call(EXIT), call(RECEIVE), Event::Tick, Event::Interrupt(8)];
    let (order, ..) = run(&[], &quiet);
    assert_eq!(order, [Some(0), Some(1), Some(2), None, None, Some(0)]);
    let woken = [Event::Tick, call(WAIT), call(EXIT), call(WAIT), Event::Interrupt(3), Event::Interrupt(8)];
    let (order, ..) = run(&[], &[&woken[..], &[Event::Tick]].concat());
    assert_eq!(order[4..], [Some(2), Some(2), Some(0)]);
}

#[test]
fn an_interrupt_is_masked_and_wakes_its_task_once() {
    let events = [Event::Tick, call(WAIT), Event::Interrupt(8), Event::Tick, Event::Tick];
    let (order, records, machine) = run(&[], &events);
    assert_eq!(order, [Some(0), Some(1), Some(1), Some(2), Some(0)]);
    assert_eq!((machine.unmasked, machine.masked), (Vec::from([8]), Vec::from([8])));
    assert_eq!(machine.answers, [Some([8, 0, 0]), None, None]);
    assert_eq!(records[0].pending, 0);
}

#[test]
fn an_interrupt_that_comes_early_is_delivered_at_the_next_wait() {
    let (order, _, machine) = run(&[], &[Event::Tick, Event::Interrupt(8), call(WAIT)]);
    assert_eq!(order[2], Some(0));
    assert_eq!(machine.answers[0], Some([8, 0, 0]));
}

#[test]
fn two_interrupts_are_delivered_one_after_the_other() {
    let waiting = [Event::Tick, Event::Tick, Event::Tick, Event::Interrupt(9), Event::Interrupt(3)];
    let (_, records, machine) = run(&[], &[&waiting[..], &[call(WAIT)]].concat());
    assert_eq!((machine.answers[2], records[2].state), (Some([3, 0, 0]), State::Ready));
    let (_, records, machine) = run(&[], &[&waiting[..], &[call(WAIT), call(WAIT)]].concat());
    assert_eq!((machine.answers[2], records[2].state), (Some([9, 0, 0]), State::Ready));
    let (_, records, _) = run(&[], &[&waiting[..], &[call(WAIT), call(WAIT), call(WAIT)]].concat());
    assert_eq!(records[2].state, State::Waiting);
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
    let (_, records, machine) = run(&[], &[Event::Tick, Event::Tick, call(RECEIVE), Event::Tick, share]);
    assert_eq!(machine.answers, [Some([2, 0, 0]), Some([0x2000_0810, 8, 0]), None]);
    assert_eq!((records[1].state, records[2].message), (State::Ready, [0x2000_0810, 8]));
}

#[test]
fn what_is_not_the_senders_is_refused_and_reaches_nobody() {
    for (start, length) in [(0x2000_0400, 4), (0x2000_0000, 0x401), (0x2000_0000, 0), (0xFFFF_FFFC, 8)] {
        let (_, records, machine) = run(&[], &[Event::Tick, Event::Call([SEND, start, length, 0])]);
        assert_eq!(machine.answers[0], Some(REFUSED));
        assert!(records.iter().all(|record| record.message == [0; 2]));
    }
}

#[test]
fn a_full_mailbox_takes_nothing_more() {
    let share = Event::Call([SEND, 0x2000_0810, 8, 0]);
    let (_, _, machine) = run(&[], &[Event::Tick, share, share]);
    assert_eq!(machine.answers[0], Some([0, 0, 0]));
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
    assert_eq!(machine.begun, [0, 1]);
}

#[test]
fn a_restart_begins_again_with_memory_set_anew_and_counts() {
    let fault = Event::Fault(FaultKind::Data, None);
    let events = [Event::Tick, Event::Tick, fault, fault];
    let (order, records, machine) = run(&[Response::Restart; 2], &events);
    // The other task of the partition is next, and has its own fault.
    assert_eq!(order, [Some(0), Some(1), Some(2), Some(0)]);
    assert_eq!(machine.initialised, [1, 1]);
    assert_eq!(records.map(|record| record.begun), [true, false, false]);
    assert_eq!(machine.faults.iter().map(|fault| fault.count).collect::<Vec<_>>(), [1, 2]);
    assert!(!records[1].stopped() && !records[2].stopped());
}

#[test]
fn a_restart_forgets_messages_interrupts_and_answers() {
    let share = Event::Call([SEND, 0x2000_0810, 8, 0]);
    let told = [Event::Tick, share, Event::Interrupt(3), Event::Tick, Event::Fault(FaultKind::Data, None)];
    let (_, records, machine) = run(&[Response::Restart], &told);
    for record in &records[1..] {
        assert_eq!((record.state, record.message, record.pending), (State::Ready, [0; 2], 0));
    }
    assert_eq!(machine.answers[1..], [None, None]);
    // Task 2 had not run yet: it begins now, for the first time.
    assert_eq!(machine.begun, [0, 1, 2]);
}

#[test]
fn entering_again_keeps_memory_and_the_partitions_other_tasks() {
    let fault = Event::Fault(FaultKind::Data, None);
    let events = [Event::Tick, Event::Tick, Event::Tick, fault];
    let (_, records, machine) = run(&[Response::Enter], &events);
    assert!(machine.initialised.is_empty() && machine.masked.is_empty());
    assert_eq!(records.map(|record| (record.begun, record.faults)), [(true, 0), (true, 1), (false, 1)]);
}

#[test]
fn whoever_faults_again_and_again_does_not_keep_the_others_waiting() {
    let fault = Event::Fault(FaultKind::Data, None);
    let (order, ..) = run(&[Response::Restart; 4], &[Event::Tick, fault, Event::Tick, Event::Tick, fault]);
    assert_eq!(order, [Some(0), Some(1), Some(2), Some(0), Some(1)]);
}

#[test]
fn a_reported_fault_is_a_fault() {
    let (_, _, machine) = run(&[Response::Escalate], &[Event::Tick, Event::Call([FAULT, 7, 0, 0])]);
    assert_eq!((machine.faults[0].kind, machine.faults[0].address), (FaultKind::Reported, Some(7)));
    assert!(machine.escalated && machine.begun == [0]);
}

#[test]
fn unknown_calls_go_to_the_product() {
    for (number, answer) in [(100, [1, 2, 3]), (6, REFUSED), (u32::MAX, REFUSED)] {
        let (_, _, machine) = run(&[], &[Event::Tick, call(number)]);
        assert_eq!(machine.answers[0], Some(answer));
    }
}
