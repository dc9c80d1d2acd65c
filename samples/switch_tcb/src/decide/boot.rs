//! What must hold before the first partition runs.

/// Why the TCB does not start. It never runs unprotected instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The protection unit does not have the slots that the plan was made for.
    Slots {
        /// Slots that the hardware has.
        found: u32,
        /// Slots that the plan disposes of, reserved ones included.
        planned: u32,
    },
    /// The region table and the linker script come from different plans.
    Hash {
        /// What the script laid down.
        script: u64,
        /// What the table says.
        table: u64,
    },
    /// `mseccfg` (RISC-V, Smepmp) is not what the plan's entries were made for.
    Mseccfg {
        /// What it holds, or held at reset.
        found: u32,
        /// What it has to hold.
        planned: u32,
    },
}

/// Compares what the linker laid down with the table.
#[inline]
pub fn check_hash(script: u64, table: u64) -> Result<(), Refusal> {
    if script == table { Ok(()) } else { Err(Refusal::Hash { script, table }) }
}

/// Compares the machine with the plan. Apart from [`check_hash`], so that nothing of it is in an image without protection.
#[inline]
pub fn check_slots(found: u32, planned: u32) -> Result<(), Refusal> {
    if found == planned { Ok(()) } else { Err(Refusal::Slots { found, planned }) }
}

/// MML, MMWP and RLB of `mseccfg` (Smepmp 1.0, 3).
const RULES: u32 = 0b111;

/// Compares `mseccfg` with the plan. Before it was written it must have been clear: nothing unsets MML and MMWP, and
/// entries that were made under them are not ours. A core that ignored what was written must not run partitions.
pub fn check_mseccfg(before: u32, after: u32, planned: u32) -> Result<(), Refusal> {
    match (before & RULES, after & RULES) {
        (0, found) if found == planned => Ok(()),
        (0, found) | (found, _) => Err(Refusal::Mseccfg { found, planned }),
    }
}

/// The slot count in `MPU_TYPE` (Armv7-M ARM B3.5.4, Armv8-M ARM D1.2): DREGION, bits 15:8; zero without an MPU.
#[inline]
pub fn mpu_slots(mpu_type: u32) -> u32 {
    (mpu_type >> 8) & 0xFF
}

#[cfg(test)]
mod tests {
    use super::{Refusal, check_hash, check_mseccfg, check_slots, mpu_slots};

    #[test]
    fn the_planned_machine_starts() {
        assert_eq!(check_hash(7, 7), Ok(()));
        assert_eq!(check_slots(8, 8), Ok(()));
    }

    #[test]
    fn another_machine_or_another_plan_does_not() {
        assert_eq!(check_hash(7, 8), Err(Refusal::Hash { script: 7, table: 8 }));
        assert_eq!(check_hash(7, 7 | 1 << 32), Err(Refusal::Hash { script: 7, table: 7 | 1 << 32 }));
        for found in [0, 7, 9, 16] {
            assert_eq!(check_slots(found, 8), Err(Refusal::Slots { found, planned: 8 }));
        }
    }

    #[test]
    fn mseccfg_is_written_once_and_holds_exactly_what_was_planned() {
        assert_eq!(check_mseccfg(0, 0, 0), Ok(()));
        assert_eq!(check_mseccfg(0, 3, 3), Ok(()));
        assert_eq!(check_mseccfg(0x300, 0x303, 3), Ok(())); // seeds of the entropy source
        for (before, after, planned, found) in [(0, 0, 3, 0), (0, 1, 3, 1), (0, 7, 3, 7), (3, 3, 3, 3), (2, 2, 0, 2)] {
            assert_eq!(check_mseccfg(before, after, planned), Err(Refusal::Mseccfg { found, planned }));
        }
    }

    #[test]
    fn dregion_is_read_from_its_field() {
        assert_eq!(mpu_slots(0x0000_0800), 8);
        assert_eq!(mpu_slots(0x0000_1001), 16);
        assert_eq!(mpu_slots(0), 0);
    }
}
