//! The store sequence of a switch, as data. The architecture files perform exactly these steps; the tests compare both
//! with what an emulator saw.

/// One step of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Store to a memory-mapped register, or write to a CSR, whose number then stands for the address.
    Store {
        /// Where.
        address: u32,
        /// What.
        value: u32,
    },
    /// Data synchronisation barrier: the stores before it have taken effect.
    Dsb,
    /// Instruction synchronisation barrier: what follows is fetched under the new regions.
    Isb,
}

/// `MPU_CTRL` of both Arm units.
pub const MPU_CTRL: u32 = 0xE000_ED94;
/// `MPU_RNR` of both Arm units.
pub const MPU_RNR: u32 = 0xE000_ED98;
/// `MPU_RBAR`; the attribute register follows, then three alias pairs.
pub const MPU_RBAR: u32 = 0xE000_ED9C;
/// ENABLE and PRIVDEFENA: the kernel keeps the default map, HFNMIENA stays off so that the fault handlers do too.
pub const MPU_ON: u32 = 0b101;

const OFF: [Step; 2] = [Step::Store { address: MPU_CTRL, value: 0 }, Step::Dsb];

const fn on(control: u32) -> [Step; 3] {
    [Step::Store { address: MPU_CTRL, value: control }, Step::Dsb, Step::Isb]
}

/// Armv6-M: as [`armv7m`], but without alias registers each pair goes through `MPU_RBAR` and `MPU_RASR`.
#[inline]
pub fn armv6m(control: u32, words: &[[u32; 2]]) -> impl Iterator<Item = Step> + '_ {
    let pairs = words.iter().flat_map(|&[rbar, rasr]| {
        [Step::Store { address: MPU_RBAR, value: rbar }, Step::Store { address: MPU_RBAR + 4, value: rasr }]
    });
    OFF.into_iter().chain(pairs).chain(on(control))
}

/// Armv7-M: `words` hold RBAR with VALID and REGION, so no store to `MPU_RNR` is needed. Full groups of four go through
/// the aliases in one burst; the rest through `MPU_RBAR` and `MPU_RASR`. `control` is what `MPU_CTRL` holds afterwards:
/// [`MPU_ON`], or without PRIVDEFENA where static regions stand for the kernel's map.
#[inline]
pub fn armv7m(control: u32, words: &[[u32; 2]]) -> impl Iterator<Item = Step> + '_ {
    let grouped = words.len() / 4 * 4;
    let pairs = words.iter().enumerate().flat_map(move |(index, &[rbar, rasr])| {
        let alias = if index < grouped { index as u32 % 4 } else { 0 };
        let address = MPU_RBAR + alias * 8;
        [Step::Store { address, value: rbar }, Step::Store { address: address + 4, value: rasr }]
    });
    OFF.into_iter().chain(pairs).chain(on(control))
}

/// Armv8-M: `MPU_RNR` selects a bank of four slots, whose pairs stand at `MPU_RBAR` and its aliases. `first` is the
/// hardware slot of `words[0]`.
#[inline]
pub fn armv8m(first: u32, words: &[[u32; 2]]) -> impl Iterator<Item = Step> + '_ {
    let pairs = words.iter().enumerate().flat_map(move |(index, &[rbar, rlar])| {
        let slot = first + index as u32;
        let bank = (index == 0 || slot.is_multiple_of(4)).then_some(Step::Store { address: MPU_RNR, value: slot & !3 });
        let address = MPU_RBAR + slot % 4 * 8;
        let pair = [Step::Store { address, value: rbar }, Step::Store { address: address + 4, value: rlar }];
        bank.into_iter().chain(pair)
    });
    OFF.into_iter().chain(pairs).chain(on(MPU_ON))
}

/// `pmpcfg0`.
pub const PMPCFG0: u32 = 0x3A0;
/// `pmpaddr0`.
pub const PMPADDR0: u32 = 0x3B0;

/// PMP: addresses upward, then the configuration words that hold the entries, with static neighbours' bytes. `first` is
/// the hardware entry of `words[0]`.
#[inline]
pub fn pmp<'a>(first: u32, words: &'a [[u32; 2]], configs: &'a [u32]) -> impl Iterator<Item = Step> + 'a {
    let addresses = words
        .iter()
        .enumerate()
        .map(move |(index, &[address, _])| Step::Store { address: PMPADDR0 + first + index as u32, value: address });
    let registers = configs
        .iter()
        .enumerate()
        .map(move |(index, &value)| Step::Store { address: PMPCFG0 + first / 4 + index as u32, value });
    addresses.chain(registers)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{MPU_CTRL, MPU_ON, MPU_RBAR, MPU_RNR, Step, armv6m, armv7m, armv8m, pmp};
    use std::vec::Vec;

    fn stores(steps: impl Iterator<Item = Step>) -> Vec<(u32, u32)> {
        steps
            .filter_map(|step| match step {
                Step::Store { address, value } => Some((address, value)),
                Step::Dsb | Step::Isb => None,
            })
            .collect()
    }

    #[test]
    fn armv7m_takes_two_stores_a_slot_and_two_more() {
        for slots in 0..=8_u32 {
            let words: Vec<[u32; 2]> = (0..slots).map(|slot| [0x2000_0010 | slot, slot]).collect();
            assert_eq!(stores(armv7m(MPU_ON, &words)).len() as u32, 2 * slots + 2);
        }
    }

    #[test]
    fn armv6m_takes_as_many_and_knows_no_alias() {
        let words: Vec<[u32; 2]> = (0..6).map(|slot| [0x2000_0010 | slot, slot]).collect();
        let written = stores(armv6m(1, &words));
        assert_eq!((written.len(), written[0], written[13]), (14, (MPU_CTRL, 0), (MPU_CTRL, 1)));
        for (pair, [rbar, rasr]) in written[1..13].chunks(2).zip(words) {
            assert_eq!(pair, [(MPU_RBAR, rbar), (MPU_RBAR + 4, rasr)]);
        }
        let barriers: Vec<Step> = armv6m(MPU_ON, &[]).filter(|step| !matches!(step, Step::Store { .. })).collect();
        assert_eq!(barriers, [Step::Dsb, Step::Dsb, Step::Isb]);
    }

    #[test]
    fn armv8m_takes_one_store_a_bank_more() {
        for (first, slots, banks) in [(0, 0, 0), (0, 4, 1), (0, 5, 2), (2, 2, 1), (2, 3, 2), (1, 8, 3)] {
            let words: Vec<[u32; 2]> = (0..slots).map(|slot| [slot, slot | 1]).collect();
            assert_eq!(stores(armv8m(first, &words)).len() as u32, 2 * slots + 2 + banks);
        }
    }

    #[test]
    fn pmp_takes_one_store_an_entry_and_one_for_four() {
        let words = [[0x2000_0000 >> 2, 0x1B]; 5];
        let steps = stores(pmp(2, &words, &[0x1B1B_0000, 0x001B_1B1B]));
        assert_eq!(steps.len(), 7);
        assert_eq!(steps[0], (0x3B2, 0x0800_0000));
        assert_eq!(steps[5..], [(0x3A0, 0x1B1B_0000), (0x3A1, 0x001B_1B1B)]);
    }

    #[test]
    fn the_unit_is_off_while_slots_change_and_on_afterwards() {
        let words = [[0x10, 1], [0x11, 3], [0x12, 5], [0x13, 7], [0x14, 9]];
        let steps: Vec<Step> = armv7m(MPU_ON, &words).collect();
        assert_eq!(armv7m(1, &words).nth(steps.len() - 3), Some(Step::Store { address: MPU_CTRL, value: 1 }));
        assert_eq!(steps[..2], [Step::Store { address: MPU_CTRL, value: 0 }, Step::Dsb]);
        assert_eq!(steps[steps.len() - 3..], [Step::Store { address: MPU_CTRL, value: 5 }, Step::Dsb, Step::Isb]);
        assert_eq!(steps[2], Step::Store { address: MPU_RBAR, value: 0x10 });
        assert_eq!(steps[9], Step::Store { address: MPU_RBAR + 28, value: 7 });
        assert_eq!(steps[10], Step::Store { address: MPU_RBAR, value: 0x14 });
    }

    #[test]
    fn a_bank_is_selected_before_its_slots() {
        let written = stores(armv8m(3, &[[0x60, 0x61], [0x80, 0x81]]));
        let slots = [(MPU_RNR, 0), (MPU_RBAR + 24, 0x60), (MPU_RBAR + 28, 0x61), (MPU_RNR, 4), (MPU_RBAR, 0x80)];
        assert_eq!(written[1..6], slots);
    }
}
