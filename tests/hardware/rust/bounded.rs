//! A component as a compiler with software bounds checks makes it: linear memory through a base register, every access
//! checked, the registers of the convention never written. In assembly, because rustc does not know that convention.
//!
//! Operations are those of `tests/hardware/steps.py`; addresses are offsets into the linear memory. READ32 at offset 1
//! is the base itself, at offset 2 the size.
#![no_std]

use core::arch::naked_asm;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(target_arch = "arm")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn prober_main() -> ! {
    naked_asm!(
        "1: mov r0, #0x100",
        "svc 0",
        "cbz r0, 5f",
        "cmp r0, #12",
        "beq 2f",
        "cmp r0, #4",
        "beq 3f",
        // READ32
        "cmp r1, #1",
        "it eq",
        "moveq r2, r11",
        "cmp r1, #2",
        "it eq",
        "moveq r2, r10",
        "b 4f",
        // SPIN, then the base
        "2: subs r2, #1",
        "bne 2b",
        "mov r2, r11",
        "b 4f",
        // WRITE8, as compiled: compare with the size, trap, or access relative to the base
        "3: cmp r1, r10",
        "blo 6f",
        "udf #0",
        "6: strb r2, [r11, r1]",
        "ldrb r2, [r11, r1]",
        "4: mov r1, r2",
        "movw r0, #0x101",
        "svc 0",
        "b 1b",
        "5: svc 0",
        "b 1b",
    )
}

/// As on Arm, with the size compiled in: there is no register for it.
#[cfg(target_arch = "riscv32")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn prober_main() -> ! {
    naked_asm!(
        "1: li a0, 0x100",
        "ecall",
        "beqz a0, 5f",
        "li t0, 12",
        "beq a0, t0, 2f",
        "li t0, 4",
        "beq a0, t0, 3f",
        "mv a2, s11",
        "j 4f",
        "2: addi a2, a2, -1",
        "bnez a2, 2b",
        "mv a2, s11",
        "j 4f",
        "3: li t0, 1024",
        "bltu a1, t0, 6f",
        "unimp",
        "6: add t0, s11, a1",
        "sb a2, 0(t0)",
        "lbu a2, 0(t0)",
        "4: mv a1, a2",
        "li a0, 0x101",
        "ecall",
        "j 1b",
        "5: ecall",
        "j 1b",
    )
}
