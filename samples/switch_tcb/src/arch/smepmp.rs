//! Smepmp 1.0: with `mseccfg.MML` and `MMWP` set M-mode reaches what locked entries give it and nothing else. Without it
//! nothing of this is in an image but the look at `mseccfg`.

use super::pmp::skip;
use crate::decide::boot::{Refusal, check_mseccfg};
use crate::firmware::Firmware;
use core::arch::asm;

/// `mstatus.MPP`: M-mode; U-mode where both bits are clear.
const MPP: u32 = 3 << 11;
/// `mstatus.MPRV`: loads and stores have the rights of MPP.
const MPRV: u32 = 1 << 17;

/// Sets the rules that the entries were planned for: none, or MML and MMWP, which hold until reset.
///
/// # Safety
///
/// The static entries are written, and lock what the kernel needs.
pub unsafe fn lock_down<F: Firmware>() -> Result<(), Refusal> {
    let (mut before, mut after) = (0_u32, 0_u32);
    // SAFETY: by the contract. A core without `mseccfg` traps, which is skipped, and leaves both numbers zero.
    unsafe {
        asm!(
            "csrrw {vector}, mtvec, {vector}",
            "csrrw {before}, 0x747, {planned}", "csrr {after}, 0x747",
            "csrw mtvec, {vector}",
            vector = inout(reg) skip as *const () as u32 => _,
            planned = in(reg) F::MSECCFG, before = inout(reg) before, after = inout(reg) after, options(nostack),
        );
    }
    check_mseccfg(before, after, F::MSECCFG)
}

/// Copies and zeroes one row of `LP_INIT`, each store with the rights of the partition whose entries are loaded: the kernel
/// has none of its own there.
///
/// # Safety
///
/// As for `initialise`; the memory is that partition's to write. What runs next sets `mstatus` anew.
pub unsafe fn copy_as_task([load, start, copied, zeroed]: [u32; 4]) {
    // SAFETY: by the contract. Interrupts are off, and the only accesses with MPRV set are the stores.
    unsafe {
        asm!(
            "csrc mstatus, {mpp}",
            "2: beqz {copied}, 3f",
            "lbu {byte}, 0({load})", "csrs mstatus, {mprv}", "sb {byte}, 0({at})", "csrc mstatus, {mprv}",
            "addi {load}, {load}, 1", "addi {at}, {at}, 1", "addi {copied}, {copied}, -1",
            "j 2b",
            "3: csrs mstatus, {mprv}",
            "4: beqz {zeroed}, 5f",
            "sb zero, 0({at})", "addi {at}, {at}, 1", "addi {zeroed}, {zeroed}, -1",
            "j 4b",
            "5: csrc mstatus, {mprv}",
            load = inout(reg) load => _, at = inout(reg) start => _, copied = inout(reg) copied => _,
            zeroed = inout(reg) zeroed => _, byte = out(reg) _, mpp = in(reg) MPP, mprv = in(reg) MPRV,
            options(nostack),
        );
    }
}
