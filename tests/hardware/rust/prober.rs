//! A component that does what it is told: every attack is one step of a list that the firmware hands out.
//!
//! It keeps no state of its own between steps, so that the firmware can enter it again after a fault. Operations are
//! those of `tests/hardware/steps.py`.
#![no_std]

#[path = "../../../samples/switch_tcb/calls.rs"]
mod calls;

use core::arch::{asm, naked_asm};
use core::ptr::{read_volatile, write_volatile};

const NEXT: u32 = 0x100;
const DONE: u32 = 0x101;

/// What a fresh start must restore.
pub const INITIAL: u32 = 0x600D_DA7A;

#[used]
static mut DATA: [u32; 4] = [INITIAL; 4];
#[used]
static mut BSS: [u32; 8] = [0; 8];
#[used]
static RODATA: [u32; 3] = [0xC0DE_0001, 0xC0DE_0002, 0xC0DE_0003];

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    calls::fault(u32::from_be_bytes(*b"PANC"))
}

/// What a component may bring along to be run privileged: names that the kernel uses itself, vectors, constructors. Each
/// leaves a mark at the bottom of the kernel's stack, which only privileged code can write.
#[cfg(any(captures_calls, captures_vectors, captures_startup))]
mod hostile {
    use super::write_volatile;

    const MARK: *mut u8 = if cfg!(armv8m) {
        0x3800_0000 as *mut u8
    } else if cfg!(target_arch = "arm") {
        0x2000_0000 as *mut u8
    } else {
        0x8100_0000 as *mut u8
    };

    extern "C" fn captured() -> usize {
        // SAFETY: none. It faults unless it runs privileged, and then it has won.
        unsafe { write_volatile(MARK, 0x66) };
        0
    }

    #[cfg(captures_calls)]
    mod calls {
        use super::captured;

        macro_rules! define {
            ($($name:ident)*) => { $(
                #[unsafe(no_mangle)]
                pub extern "C" fn $name() -> usize {
                    captured()
                }
            )* };
        }

        define!(memcpy memset memmove __aeabi_memcpy __aeabi_memcpy4 __aeabi_memclr4 __aeabi_memset);
        // Handlers, by the names that start-up crates and vendors give them.
        define!(SysTick HardFault SVCall PendSV MemoryManagement DefaultHandler TIMER0 UART0 MachineTimer _start_trap Reset);

        /// The component reaches them, so that sealing cannot drop them.
        #[used]
        pub static REACHED: [extern "C" fn() -> usize; 6] =
            [memcpy, __aeabi_memcpy, SysTick, TIMER0, _start_trap, Reset];
    }

    #[cfg(captures_vectors)]
    #[used]
    #[unsafe(link_section = ".vector_table.0")]
    pub static VECTORS: [extern "C" fn() -> usize; 16] = [captured; 16];

    #[cfg(captures_startup)]
    #[used]
    #[unsafe(link_section = ".init_array.00000")]
    pub static CONSTRUCTOR: extern "C" fn() -> usize = captured;
}

/// Begins with all registers as the TCB left them: anything but the two arguments must be zero.
#[cfg(target_arch = "arm")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn prober_main() -> ! {
    naked_asm!(
        "orr r0, r2, r3",
        "orr r0, r0, r4",
        "orr r0, r0, r5",
        "orr r0, r0, r6",
        "orr r0, r0, r7",
        "orr r0, r0, r8",
        "orr r0, r0, r9",
        "orr r0, r0, r10",
        "orr r0, r0, r11",
        "orr r0, r0, r12",
        "b {run}",
        run = sym run,
    )
}

/// As on Arm. The stack and global pointers are not data: sp leads to the task's own stack, gp is checked.
#[cfg(target_arch = "riscv32")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn prober_main() -> ! {
    naked_asm!(
        "or a0, x1, x3", "or a0, a0, x4", "or a0, a0, x5", "or a0, a0, x6", "or a0, a0, x7", "or a0, a0, x8",
        "or a0, a0, x9", "or a0, a0, x12", "or a0, a0, x13", "or a0, a0, x14", "or a0, a0, x15", "or a0, a0, x16",
        "or a0, a0, x17", "or a0, a0, x18", "or a0, a0, x19", "or a0, a0, x20", "or a0, a0, x21", "or a0, a0, x22",
        "or a0, a0, x23", "or a0, a0, x24", "or a0, a0, x25", "or a0, a0, x26", "or a0, a0, x27", "or a0, a0, x28",
        "or a0, a0, x29", "or a0, a0, x30", "or a0, a0, x31",
        "j {run}",
        run = sym run,
    )
}

extern "C" fn run(left: u32) -> ! {
    // SAFETY: the component's own memory; it has one task.
    unsafe { write_volatile(&raw mut BSS[7], left) };
    loop {
        let [operation, address, value] = calls::call(NEXT, [0; 3]);
        if operation == 0 {
            calls::yield_now();
        } else {
            let result = perform(operation, address, value);
            calls::call(DONE, [result, 0, 0]);
        }
    }
}

fn perform(operation: u32, address: u32, value: u32) -> u32 {
    // SAFETY: none. What is attempted here is what the firmware has to stop.
    unsafe {
        match operation {
            1 => u32::from(read_volatile(address as *const u8)),
            2 => u32::from(arch::read16(address)),
            3 => arch::read32(address),
            4 => {
                write_volatile(address as *mut u8, value as u8);
                u32::from(read_volatile(address as *const u8))
            }
            5 => arch::write16(address, value),
            6 => arch::write32(address, value),
            7 => arch::execute(address),
            8 => calls::send(address, value),
            9 => arch::stack_pointer_call(address, value),
            10 => arch::stack_pointer_spin(address, value),
            11 => arch::overflow(value),
            12 => arch::spin(value),
            13 => arch::privileged(address, value),
            14 => arch::marks(value),
            15 => calls::call(address, [value, value, value])[0],
            16 => calls::fault(value),
            17 => calls::exit(),
            18 => read_volatile(&raw const BSS[7]),
            19 => calls::receive().0,
            20 => calls::wait(),
            21 => arch::exclusive(address, value),
            22 => arch::fp_marks(value),
            23 => arch::fp_left(),
            24 => read_volatile(&raw const DATA[1]) ^ read_volatile(&raw const RODATA[1]),
            25 => {
                let byte = address as *mut u8;
                write_volatile(byte, read_volatile(byte));
                1
            }
            26 => {
                for _ in 0..value {
                    calls::yield_now();
                }
                value
            }
            _ => 0,
        }
    }
}

#[cfg(target_arch = "arm")]
mod arch {
    use super::{asm, calls};

    pub unsafe fn read16(address: u32) -> u16 {
        let result: u32;
        unsafe { asm!("ldrh {0}, [{1}]", out(reg) result, in(reg) address) };
        result as u16
    }

    pub unsafe fn read32(address: u32) -> u32 {
        let result;
        unsafe { asm!("ldr {0}, [{1}]", out(reg) result, in(reg) address) };
        result
    }

    pub unsafe fn write16(address: u32, value: u32) -> u32 {
        let result;
        unsafe { asm!("strh {2}, [{1}]", "ldrh {0}, [{1}]", out(reg) result, in(reg) address, in(reg) value) };
        result
    }

    pub unsafe fn write32(address: u32, value: u32) -> u32 {
        let result;
        unsafe { asm!("str {2}, [{1}]", "ldr {0}, [{1}]", out(reg) result, in(reg) address, in(reg) value) };
        result
    }

    /// An atomic read-modify-write.
    pub unsafe fn exclusive(address: u32, value: u32) -> u32 {
        let result;
        unsafe {
            asm!("ldrex {0}, [{1}]", "strex {0}, {2}, [{1}]", out(reg) result, in(reg) address, in(reg) value);
        }
        result
    }

    pub unsafe fn execute(address: u32) -> u32 {
        unsafe {
            asm!(
                "blx {0}",
                in(reg) address | 1,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r12") _, out("lr") _,
            );
        }
        0
    }

    /// Calls the TCB with a stack pointer of the attacker's choice, and `value` in what the hardware does not save.
    pub unsafe fn stack_pointer_call(address: u32, value: u32) -> u32 {
        unsafe {
            asm!(
                "push {{r4-r11}}",
                "mov r12, sp",
                "mov r4, r1",
                "mov r5, r1",
                "mov r6, r1",
                "mov r7, r1",
                "mov r8, r1",
                "mov r9, r1",
                "mov r10, r1",
                "mov r11, r1",
                "mov sp, r0",
                "movs r0, #0",
                "svc 0",
                "mov sp, r12",
                "pop {{r4-r11}}",
                inout("r0") address => _, inout("r1") value => _, out("r2") _, out("r12") _,
            );
        }
        0
    }

    /// Is preempted with a stack pointer of the attacker's choice.
    pub unsafe fn stack_pointer_spin(address: u32, count: u32) -> u32 {
        unsafe {
            asm!(
                "mov r4, sp",
                "mov sp, {0}",
                "2: subs {1}, #1",
                "bne 2b",
                "mov sp, r4",
                in(reg) address,
                inout(reg) count => _,
                out("r4") _,
            );
        }
        0
    }

    /// Fills the stack with `value` from where it stands downward, word by word, for as long as it can.
    pub unsafe fn overflow(value: u32) -> u32 {
        unsafe {
            asm!(
                "2: push {{r0-r3}}", "b 2b",
                in("r0") value, in("r1") value, in("r2") value, in("r3") value, options(noreturn),
            )
        }
    }

    pub unsafe fn spin(count: u32) -> u32 {
        unsafe { asm!("2: subs {0}, #1", "bne 2b", inout(reg) count => _) };
        0
    }

    /// Fills the registers that the hardware does not save, yields, and counts those that came back changed.
    pub unsafe fn marks(value: u32) -> u32 {
        let changed;
        unsafe {
            asm!(
                "push {{r4-r11}}",
                "sub sp, #16",
                "str r0, [sp]",
                "mov r4, r0",
                "add r5, r4, #1",
                "add r6, r4, #2",
                "add r7, r4, #3",
                "add r8, r4, #4",
                "add r9, r4, #5",
                "add r10, r4, #6",
                "add r11, r4, #7",
                "movs r0, #0",
                "svc 0",
                "ldr r1, [sp]",
                "movs r0, #0",
                "subs r2, r4, r1",
                "orr r0, r0, r2",
                "sub r2, r5, r1",
                "eor r2, r2, #1",
                "orr r0, r0, r2",
                "sub r2, r6, r1",
                "eor r2, r2, #2",
                "orr r0, r0, r2",
                "sub r2, r7, r1",
                "eor r2, r2, #3",
                "orr r0, r0, r2",
                "sub r2, r8, r1",
                "eor r2, r2, #4",
                "orr r0, r0, r2",
                "sub r2, r9, r1",
                "eor r2, r2, #5",
                "orr r0, r0, r2",
                "sub r2, r10, r1",
                "eor r2, r2, #6",
                "orr r0, r0, r2",
                "sub r2, r11, r1",
                "eor r2, r2, #7",
                "orr r0, r0, r2",
                "add sp, #16",
                "pop {{r4-r11}}",
                inout("r0") value => changed,
                out("r1") _, out("r2") _,
            );
        }
        changed
    }

    /// Instructions that only privileged code may use. What Thumb ignores when unprivileged is read back.
    pub unsafe fn privileged(which: u32, value: u32) -> u32 {
        let mut result: u32 = 0;
        unsafe {
            match which {
                0 => asm!("msr control, {1}", "isb", "mrs {0}, control", out(reg) result, in(reg) value),
                1 => asm!("cpsid i", "mrs {0}, primask", "cpsie i", out(reg) result),
                2 => asm!("msr basepri, {1}", "mrs {0}, basepri", out(reg) result, in(reg) value),
                3 => asm!("cpsid f", "mrs {0}, faultmask", "cpsie f", out(reg) result),
                4 => asm!("msr msp, {1}", "mrs {0}, msp", out(reg) result, in(reg) value),
                5 => asm!("udf #0"),
                6 => asm!("bkpt #0"),
                7 => asm!("bkpt #0xab", inout("r0") 0x18 => result, in("r1") value),
                // BXNS and BLXNS (Armv8-M, Secure state): leave for the other security state.
                #[cfg(armv8m)]
                9 => asm!(".inst.n 0x4704", in("r0") value),
                #[cfg(armv8m)]
                10 => asm!(".inst.n 0x4784", in("r0") value, out("lr") _),
                // VMOV s0, r0 and VMOV r0, s0, also where the compiler knows of no FPU.
                11 => asm!(".inst.w 0xee000a10", in("r0") value),
                12 => asm!(".inst.w 0xee100a10", out("r0") result),
                // Fills an FP register, and calls with the stack pointer somewhere else: what lazy stacking saves later.
                13 => asm!(
                    ".inst.w 0xee000a10",
                    "mov r2, sp",
                    "mov sp, r1",
                    "movs r0, #0",
                    "svc 0",
                    "mov sp, r2",
                    in("r0") value, in("r1") value, out("r2") _,
                ),
                8 => {
                    calls::call(calls::YIELD, [0; 3]);
                }
                _ => {}
            }
        }
        result
    }

    #[cfg(fpu)]
    pub unsafe fn fp_marks(value: u32) -> u32 {
        let changed;
        unsafe {
            asm!(
                ".fpu fpv4-sp-d16",
                "vmov s0, {0}",
                "vmov s15, {0}",
                "vmov s16, {0}",
                "vmov s31, {0}",
                "push {{r4}}",
                "mov r4, {0}",
                "movs r0, #0",
                "svc 0",
                "mov r3, #0",
                "vmov r1, s0",
                "eor r1, r1, r4",
                "orr r3, r3, r1",
                "vmov r1, s15",
                "eor r1, r1, r4",
                "orr r3, r3, r1",
                "vmov r1, s16",
                "eor r1, r1, r4",
                "orr r3, r3, r1",
                "vmov r1, s31",
                "eor r1, r1, r4",
                "orr r3, r3, r1",
                "pop {{r4}}",
                in(reg) value,
                out("r0") _, out("r1") _, out("r2") _, out("r3") changed,
            );
        }
        changed
    }

    /// What another partition left in the FP registers.
    #[cfg(fpu)]
    pub unsafe fn fp_left() -> u32 {
        let left;
        unsafe {
            asm!(
                ".fpu fpv4-sp-d16",
                "vmov {0}, s0",
                "vmov {1}, s7",
                "orr {0}, {0}, {1}",
                "vmov {1}, s15",
                "orr {0}, {0}, {1}",
                "vmov {1}, s16",
                "orr {0}, {0}, {1}",
                "vmov {1}, s24",
                "orr {0}, {0}, {1}",
                "vmov {1}, s31",
                "orr {0}, {0}, {1}",
                out(reg) left,
                out(reg) _,
            );
        }
        left
    }

    #[cfg(not(fpu))]
    pub unsafe fn fp_marks(_: u32) -> u32 {
        0
    }

    #[cfg(not(fpu))]
    pub unsafe fn fp_left() -> u32 {
        0
    }
}

#[cfg(target_arch = "riscv32")]
mod arch {
    use super::asm;

    pub unsafe fn read16(address: u32) -> u16 {
        let result: u32;
        unsafe { asm!("lhu {0}, 0({1})", out(reg) result, in(reg) address) };
        result as u16
    }

    pub unsafe fn read32(address: u32) -> u32 {
        let result;
        unsafe { asm!("lw {0}, 0({1})", out(reg) result, in(reg) address) };
        result
    }

    pub unsafe fn write16(address: u32, value: u32) -> u32 {
        let result;
        unsafe { asm!("sh {2}, 0({1})", "lhu {0}, 0({1})", out(reg) result, in(reg) address, in(reg) value) };
        result
    }

    pub unsafe fn write32(address: u32, value: u32) -> u32 {
        let result;
        unsafe { asm!("sw {2}, 0({1})", "lw {0}, 0({1})", out(reg) result, in(reg) address, in(reg) value) };
        result
    }

    /// An atomic read-modify-write.
    pub unsafe fn exclusive(address: u32, value: u32) -> u32 {
        let result;
        unsafe { asm!("amoadd.w {0}, {2}, ({1})", out(reg) result, in(reg) address, in(reg) value) };
        result
    }

    pub unsafe fn execute(address: u32) -> u32 {
        unsafe {
            asm!("jalr ra, 0({0})", in(reg) address, clobber_abi("C"));
        }
        0
    }

    /// Calls the TCB with a stack pointer of the attacker's choice.
    pub unsafe fn stack_pointer_call(address: u32, _: u32) -> u32 {
        unsafe {
            asm!(
                "mv t0, sp",
                "mv sp, {0}",
                "li a0, 0",
                "ecall",
                "mv sp, t0",
                in(reg) address,
                out("a0") _, out("a1") _, out("a2") _, out("t0") _,
            );
        }
        0
    }

    /// Is preempted with a stack pointer of the attacker's choice.
    pub unsafe fn stack_pointer_spin(address: u32, count: u32) -> u32 {
        unsafe {
            asm!(
                "mv t0, sp",
                "mv sp, {0}",
                "2: addi {1}, {1}, -1",
                "bnez {1}, 2b",
                "mv sp, t0",
                in(reg) address,
                inout(reg) count => _,
                out("t0") _,
            );
        }
        0
    }

    /// Fills the stack with `value` from where it stands downward, word by word, for as long as it can.
    pub unsafe fn overflow(value: u32) -> u32 {
        unsafe { asm!("2: addi sp, sp, -4", "sw {0}, 0(sp)", "j 2b", in(reg) value, options(noreturn)) }
    }

    pub unsafe fn spin(count: u32) -> u32 {
        unsafe { asm!("2: addi {0}, {0}, -1", "bnez {0}, 2b", inout(reg) count => _) };
        0
    }

    /// Fills registers, yields, and counts those that came back changed.
    pub unsafe fn marks(value: u32) -> u32 {
        let changed;
        unsafe {
            asm!(
                "mv t0, {0}", "addi t1, {0}, 1", "addi t2, {0}, 2", "addi t3, {0}, 3", "addi t4, {0}, 4",
                "addi t5, {0}, 5", "addi t6, {0}, 6", "addi a3, {0}, 7", "addi a7, {0}, 8", "addi s11, {0}, 9",
                "li a0, 0",
                "ecall",
                "sub t0, t0, {0}",
                "sub t1, t1, {0}", "xori t1, t1, 1", "or t0, t0, t1",
                "sub t1, t2, {0}", "xori t1, t1, 2", "or t0, t0, t1",
                "sub t1, t3, {0}", "xori t1, t1, 3", "or t0, t0, t1",
                "sub t1, t4, {0}", "xori t1, t1, 4", "or t0, t0, t1",
                "sub t1, t5, {0}", "xori t1, t1, 5", "or t0, t0, t1",
                "sub t1, t6, {0}", "xori t1, t1, 6", "or t0, t0, t1",
                "sub t1, a3, {0}", "xori t1, t1, 7", "or t0, t0, t1",
                "sub t1, a7, {0}", "xori t1, t1, 8", "or t0, t0, t1",
                "sub t1, s11, {0}", "xori t1, t1, 9", "or t0, t0, t1",
                in(reg) value,
                out("t0") changed, out("t1") _, out("t2") _, out("t3") _, out("t4") _, out("t5") _, out("t6") _,
                out("a0") _, out("a1") _, out("a2") _, out("a3") _, out("a7") _, out("s11") _,
            );
        }
        changed
    }

    /// Instructions that only privileged code may use.
    pub unsafe fn privileged(which: u32, value: u32) -> u32 {
        let mut result: u32 = 0;
        unsafe {
            match which {
                0 => asm!("csrw mstatus, {0}", in(reg) value),
                1 => asm!("csrr {0}, mscratch", out(reg) result),
                2 => asm!("csrw mtvec, {0}", in(reg) value),
                3 => asm!("csrw pmpcfg0, {0}", in(reg) value),
                4 => asm!("csrw pmpaddr0, {0}", in(reg) value),
                5 => asm!("unimp"),
                6 => asm!("ebreak"),
                7 => asm!("mret"),
                8 => asm!("csrw mie, {0}", in(reg) value),
                9 => asm!("csrr {0}, mhartid", out(reg) result),
                // The semihosting sequence, unprivileged.
                10 => asm!(
                    ".option push", ".option norvc", ".balign 16",
                    "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
                    ".option pop",
                    inout("a0") 0x18 => result, in("a1") value,
                ),
                _ => {}
            }
        }
        result
    }

    pub unsafe fn fp_marks(_: u32) -> u32 {
        0
    }

    pub unsafe fn fp_left() -> u32 {
        0
    }
}
