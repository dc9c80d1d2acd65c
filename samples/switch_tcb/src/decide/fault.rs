//! What a fault was, and what becomes of the partition.

use super::grants::allowed;
use super::table::{EXECUTE, Table};

/// What unprivileged code did to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultKind {
    /// A data access outside the partition. Armv7-M does not tell reads from writes.
    Data = 1,
    /// A load outside the partition (RISC-V).
    Read = 2,
    /// A store outside the partition (RISC-V).
    Write = 3,
    /// Instructions fetched from where the partition may not execute.
    Execute = 4,
    /// The hardware could not save or restore registers on the running stack.
    Stack = 5,
    /// The stack pointer is not on the task's own stack, so the TCB does not look at what it points to.
    StackPointer = 6,
    /// An access that the bus refused.
    Bus = 7,
    /// An undefined or privileged instruction, or one of a coprocessor that is off.
    Instruction = 8,
    /// A misaligned access or a division by zero, where they trap.
    Usage = 9,
    /// A breakpoint without a debugger.
    Breakpoint = 10,
    /// The partition reported itself.
    Reported = 11,
    /// Anything but a bad stack pointer or a jump: Armv6-M does not tell what.
    Untold = 12,
}

/// One fault, as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The task that was running.
    pub task: usize,
    /// Its partition.
    pub partition: usize,
    /// What it did.
    pub kind: FaultKind,
    /// The address that it touched, or the code that it reported, where that is known.
    pub address: Option<u32>,
    /// How many faults the partition has had, this one included.
    pub count: u32,
}

/// What becomes of a partition that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// None of its tasks runs again.
    Stop,
    /// Its memory is set anew from the load image and its tasks begin again.
    Restart,
    /// The task begins again on its stack; the partition's memory is kept.
    Enter,
    /// The whole firmware halts.
    Escalate,
}

/// The usual policies, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPolicy {
    /// The first fault is the last.
    Stop,
    /// Restart so many times, then stop.
    Restart(u32),
    /// Restart so many times, then halt the firmware: it cannot do without the partition.
    Escalate(u32),
}

impl FaultPolicy {
    /// The response to the `count`-th fault, counted from one.
    #[inline]
    pub fn respond(self, count: u32) -> Response {
        match self {
            Self::Restart(most) | Self::Escalate(most) if count <= most => Response::Restart,
            Self::Stop | Self::Restart(_) => Response::Stop,
            Self::Escalate(_) => Response::Escalate,
        }
    }
}

/// Armv7-M and Armv8-M fault status (Armv7-M ARM B3.2.15): `CFSR`, and the addresses that it may declare valid.
#[derive(Clone, Copy, Debug)]
pub struct ArmStatus {
    /// MMFSR in bits 7:0, BFSR in 15:8, UFSR in 31:16.
    pub cfsr: u32,
    /// `MMFAR`.
    pub mmfar: u32,
    /// `BFAR`.
    pub bfar: u32,
    /// The stacked return address, where the frame could be read.
    pub pc: Option<u32>,
}

const IACCVIOL: u32 = 1;
const DACCVIOL: u32 = 1 << 1;
const MUNSTKERR: u32 = 1 << 3;
const MSTKERR: u32 = 1 << 4;
const MLSPERR: u32 = 1 << 5;
const MMARVALID: u32 = 1 << 7;
const IBUSERR: u32 = 1 << 8;
const PRECISERR: u32 = 1 << 9;
const IMPRECISERR: u32 = 1 << 10;
const UNSTKERR: u32 = 1 << 11;
const STKERR: u32 = 1 << 12;
const LSPERR: u32 = 1 << 13;
const BFARVALID: u32 = 1 << 15;
const UNDEFINSTR: u32 = 1 << 16;
const INVSTATE: u32 = 1 << 17;
const INVPC: u32 = 1 << 18;
const NOCP: u32 = 1 << 19;
const STKOF: u32 = 1 << 20; // Armv8-M only

/// Kind and address. A stack error comes first: the frame of such a fault is not there, so nothing else about it counts.
#[inline]
pub fn classify(status: ArmStatus) -> (FaultKind, Option<u32>) {
    let ArmStatus { cfsr, mmfar, bfar, pc } = status;
    let any = |bits: u32| cfsr & bits != 0;
    if any(MSTKERR | MUNSTKERR | MLSPERR | STKERR | UNSTKERR | LSPERR | STKOF) {
        (FaultKind::Stack, None)
    } else if any(DACCVIOL) {
        (FaultKind::Data, any(MMARVALID).then_some(mmfar))
    } else if any(IACCVIOL) {
        (FaultKind::Execute, pc)
    } else if any(PRECISERR | IMPRECISERR) {
        (FaultKind::Bus, any(BFARVALID).then_some(bfar))
    } else if any(IBUSERR) {
        (FaultKind::Execute, pc)
    } else if any(UNDEFINSTR | INVSTATE | INVPC | NOCP) {
        (FaultKind::Instruction, pc)
    } else {
        (FaultKind::Usage, pc)
    }
}

/// Armv6-M has one fault exception and no fault status (Armv6-M ARM B1.5). What is left to tell: whether the frame is
/// where it must be, and whether the code that was to run is the partition's. `pc` is the stacked return address, where
/// the frame could be read.
#[inline]
pub fn classify_armv6m(
    table: &Table<'_>,
    task: usize,
    faulted: bool,
    psp: u32,
    pc: Option<u32>,
) -> Option<(FaultKind, Option<u32>)> {
    match pc {
        None => Some((FaultKind::StackPointer, Some(psp))),
        Some(_) if !faulted => None,
        Some(pc) if !allowed(table, table.partition(task), pc & !1, 2, EXECUTE) => Some((FaultKind::Execute, Some(pc))),
        _ => Some((FaultKind::Untold, None)),
    }
}

/// RISC-V `mcause` of an exception from U-mode (privileged ISA 3.1.15); `None` is an `ecall`.
#[inline]
pub fn classify_riscv(mcause: u32, mtval: u32) -> Option<(FaultKind, Option<u32>)> {
    let kind = match mcause {
        8 => return None,
        0 | 1 => FaultKind::Execute,
        2 => return Some((FaultKind::Instruction, None)),
        3 => FaultKind::Breakpoint,
        5 => FaultKind::Read,
        7 => FaultKind::Write,
        _ => FaultKind::Usage,
    };
    Some((kind, Some(mtval)))
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::super::table::examples::TABLE;
    use super::{ArmStatus, FaultKind, FaultPolicy, Response, classify, classify_armv6m, classify_riscv};

    fn arm(cfsr: u32) -> (FaultKind, Option<u32>) {
        classify(ArmStatus { cfsr, mmfar: 0x2000_0400, bfar: 0x5000_0000, pc: Some(0x100) })
    }

    #[test]
    fn each_status_bit_has_its_kind() {
        assert_eq!(arm(0x82), (FaultKind::Data, Some(0x2000_0400)));
        assert_eq!(arm(0x02), (FaultKind::Data, None));
        assert_eq!(arm(0x01), (FaultKind::Execute, Some(0x100)));
        assert_eq!(arm(0x8200), (FaultKind::Bus, Some(0x5000_0000)));
        assert_eq!(arm(0x0400), (FaultKind::Bus, None));
        assert_eq!(arm(0x0100), (FaultKind::Execute, Some(0x100)));
        for bit in 16..20 {
            assert_eq!(arm(1 << bit), (FaultKind::Instruction, Some(0x100)));
        }
        for bit in [3, 4, 5, 11, 12, 13, 20] {
            assert_eq!(arm(1 << bit), (FaultKind::Stack, None));
            assert_eq!(arm(1 << bit | 0x82), (FaultKind::Stack, None));
        }
        assert_eq!(arm(1 << 24), (FaultKind::Usage, Some(0x100)));
        assert_eq!(arm(1 << 25), (FaultKind::Usage, Some(0x100)));
    }

    #[test]
    fn armv6m_tells_a_lost_stack_and_a_jump_from_the_rest() {
        let grants = [[0, 0x1000, 0x1100, 5], [0, 0x2000_0000, 0x2000_0400, 3], [1, 0x1100, 0x1200, 5]];
        let table = Table { grants: &grants, ..TABLE };
        let told = |faulted, pc| classify_armv6m(&table, 0, faulted, 0x2000_0080, pc);
        assert_eq!(told(false, Some(0x1000)), None);
        for faulted in [false, true] {
            assert_eq!(told(faulted, None), Some((FaultKind::StackPointer, Some(0x2000_0080))));
        }
        assert_eq!(told(true, Some(0x10FE)), Some((FaultKind::Untold, None)));
        for foreign in [0x1100, 0x2000_0000, 0, 0xFFFF_FFFE] {
            assert_eq!(told(true, Some(foreign)), Some((FaultKind::Execute, Some(foreign))));
        }
    }

    #[test]
    fn riscv_causes_have_their_kind() {
        assert_eq!(classify_riscv(8, 0), None);
        assert_eq!(classify_riscv(5, 0x8000_0000), Some((FaultKind::Read, Some(0x8000_0000))));
        assert_eq!(classify_riscv(7, 4), Some((FaultKind::Write, Some(4))));
        assert_eq!(classify_riscv(1, 4), Some((FaultKind::Execute, Some(4))));
        assert_eq!(classify_riscv(2, 0x3020_0073), Some((FaultKind::Instruction, None)));
        assert_eq!(classify_riscv(4, 1), Some((FaultKind::Usage, Some(1))));
    }

    #[test]
    fn policies_count_to_their_limit() {
        assert_eq!(FaultPolicy::Stop.respond(1), Response::Stop);
        assert_eq!(FaultPolicy::Restart(2).respond(2), Response::Restart);
        assert_eq!(FaultPolicy::Restart(2).respond(3), Response::Stop);
        assert_eq!(FaultPolicy::Escalate(1).respond(1), Response::Restart);
        assert_eq!(FaultPolicy::Escalate(1).respond(2), Response::Escalate);
    }
}
