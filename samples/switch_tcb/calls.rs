//! The component's side of the switch TCB: `svc` on Arm, `ecall` on RISC-V.
//!
//! A component takes this file in with `#[path]`; it has no dependencies. The number goes in r0 (a0), three arguments
//! in r1 to r3 (a1 to a3), the answer comes back in r0 to r2 (a0 to a2). Every other register is kept.
#![allow(dead_code)] // a component calls what it needs

/// Let the next ready task run.
pub const YIELD: u32 = 0;
/// Sleep until one of the task's interrupts has fired.
pub const WAIT: u32 = 1;
/// Hand bytes of a share to the other tasks that may read them.
pub const SEND: u32 = 2;
/// Sleep until something was sent.
pub const RECEIVE: u32 = 3;
/// Stop this task for good.
pub const EXIT: u32 = 4;
/// Report a fault of one's own: a panic.
pub const FAULT: u32 = 5;

/// The answer to a call that the TCB refuses: an unknown number, or a pointer that the partition was not granted.
pub const REFUSED: u32 = u32::MAX;

/// Enters the TCB.
#[cfg(target_arch = "arm")]
pub fn call(number: u32, arguments: [u32; 3]) -> [u32; 3] {
    let mut answer = [number, arguments[0], arguments[1]];
    // SAFETY: the TCB writes no memory of the caller and keeps every register but r0 to r2; that it is entered
    // here, and with what, is all that leaves this function.
    unsafe {
        core::arch::asm!(
            "svc 0",
            inout("r0") answer[0],
            inout("r1") answer[1],
            inout("r2") answer[2],
            in("r3") arguments[2],
            options(nostack),
        );
    }
    answer
}

/// Enters the TCB.
#[cfg(target_arch = "riscv32")]
pub fn call(number: u32, arguments: [u32; 3]) -> [u32; 3] {
    let mut answer = [number, arguments[0], arguments[1]];
    // SAFETY: the TCB writes no memory of the caller and keeps every register but a0 to a2; that it is entered
    // here, and with what, is all that leaves this function.
    unsafe {
        core::arch::asm!(
            "ecall",
            inout("a0") answer[0],
            inout("a1") answer[1],
            inout("a2") answer[2],
            in("a3") arguments[2],
            options(nostack),
        );
    }
    answer
}

/// Lets the next ready task run.
pub fn yield_now() {
    call(YIELD, [0; 3]);
}

/// Sleeps until one of the task's interrupts has fired, and returns its number. The interrupt stays masked until the
/// next `wait`, so its cause must be cleared in the device in between.
pub fn wait() -> u32 {
    call(WAIT, [0; 3])[0]
}

/// Hands `length` bytes at `start` to every other task whose partition may read them; returns how many took it, or
/// [`REFUSED`] when the bytes are not the caller's to write.
pub fn send(start: u32, length: u32) -> u32 {
    call(SEND, [start, length, 0])[0]
}

/// Sleeps until something was sent; returns its start and its length in bytes.
pub fn receive() -> (u32, u32) {
    let answer = call(RECEIVE, [0; 3]);
    (answer[0], answer[1])
}

/// Stops this task for good.
pub fn exit() -> ! {
    loop {
        call(EXIT, [0; 3]);
    }
}

/// Reports a fault of one's own; the partition's policy decides what happens next.
pub fn fault(code: u32) -> ! {
    loop {
        call(FAULT, [code, 0, 0]);
    }
}
