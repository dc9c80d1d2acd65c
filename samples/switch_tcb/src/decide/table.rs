//! What `layoutplan` wrote into `region_table.rs`, as slices.

/// Right to read, in the words of `LP_GRANTS`.
pub const READ: u32 = 1;
/// Right to write.
pub const WRITE: u32 = 2;
/// Right to execute.
pub const EXECUTE: u32 = 4;

/// The element, or a panic without arguments: core's own message about an index brings 2 KiB of number formatting into
/// the image.
pub fn at<T>(slice: &[T], index: usize) -> &T {
    match slice.get(index) {
        Some(found) => found,
        None => outside(),
    }
}

/// As [`at`], to be changed.
pub fn at_mut<T>(slice: &mut [T], index: usize) -> &mut T {
    match slice.get_mut(index) {
        Some(found) => found,
        None => outside(),
    }
}

#[cold]
#[inline(never)]
fn outside() -> ! {
    panic!("no such row")
}

/// The generated tables. Index spaces: partitions and tasks follow their sorted names.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Partition, start, end, rights.
    pub grants: &'a [[u32; 4]],
    /// Stack low, stack high, partition.
    pub tasks: &'a [[u32; 3]],
    /// Interrupt number, task.
    pub interrupts: &'a [[u32; 2]],
}

impl Table<'_> {
    /// The partition of a task.
    #[inline]
    pub fn partition(&self, task: usize) -> usize {
        at(self.tasks, task)[2] as usize
    }

    /// Whether `size` bytes at `start` lie on the stack of `task`, with the alignment of a saved frame.
    ///
    /// The running stack pointer is hostile: a partition can point it anywhere before it traps.
    #[inline]
    pub fn on_stack(&self, task: usize, start: u32, size: u32) -> bool {
        let &[low, high, _] = at(self.tasks, task);
        start >= low && start.is_multiple_of(8) && start <= high && high - start >= size
    }

    /// The numbers of a task's interrupts.
    #[inline]
    pub fn interrupts_of(&self, task: usize) -> impl Iterator<Item = u32> {
        self.interrupts.iter().filter(move |row| row[1] as usize == task).map(|row| row[0])
    }

    /// The task that an interrupt wakes, and the bit that stands for it among the task's pending interrupts.
    #[inline]
    pub fn interrupt(&self, number: u32) -> Option<(usize, u32)> {
        let task = self.interrupts.iter().find(|row| row[0] == number)?[1] as usize;
        let before = self.interrupts_of(task).take_while(|&other| other != number).count();
        Some((task, 1_u32.unbounded_shl(before as u32)))
    }
}

/// A few tables that the tests of this folder share.
#[cfg(test)]
pub(crate) mod examples {
    use super::{READ, Table, WRITE};

    /// Partitions 0 and 1, each with 0x400 bytes of its own data, and a share that 0 writes and 1 reads.
    pub const GRANTS: [[u32; 4]; 4] = [
        [0, 0x2000_0000, 0x2000_0400, READ | WRITE],
        [0, 0x2000_0800, 0x2000_0A00, READ | WRITE],
        [1, 0x2000_0400, 0x2000_0800, READ | WRITE],
        [1, 0x2000_0800, 0x2000_0A00, READ],
    ];

    /// Three tasks; the last two share partition 1.
    pub const TASKS: [[u32; 3]; 3] =
        [[0x2000_0000, 0x2000_0100, 0], [0x2000_0400, 0x2000_0500, 1], [0x2000_0500, 0x2000_0600, 1]];

    /// Interrupt 8 wakes task 0, interrupts 3 and 9 wake task 2.
    pub const TABLE: Table<'static> = Table { grants: &GRANTS, tasks: &TASKS, interrupts: &[[8, 0], [3, 2], [9, 2]] };
}

#[cfg(test)]
mod tests {
    use super::Table;
    use super::examples::TABLE;

    #[test]
    fn a_frame_lies_on_its_own_stack_or_it_does_not_count() {
        assert!(TABLE.on_stack(0, 0x2000_0000, 32));
        assert!(TABLE.on_stack(0, 0x2000_00E0, 32));
        for hostile in [0x1FFF_FFF8, 0x2000_00E8, 0x2000_0100, 0x2000_0400, 0, 0xFFFF_FFF8, 0xFFFF_FFE0, 0x2000_0004] {
            assert!(!TABLE.on_stack(0, hostile, 32), "{hostile:#x}");
        }
    }

    #[test]
    fn a_task_has_its_bits_to_itself_however_many_interrupts_there_are() {
        let interrupts: [[u32; 2]; 40] = core::array::from_fn(|number| [number as u32, number as u32 / 20]);
        let table = Table { interrupts: &interrupts, ..TABLE };
        assert_eq!(table.interrupt(35), Some((1, 1 << 15)));
        assert_eq!(table.interrupts_of(1).nth(15), Some(35));
    }

    #[test]
    fn an_interrupt_has_one_task_and_one_bit() {
        assert_eq!(TABLE.interrupt(8), Some((0, 1)));
        assert_eq!(TABLE.interrupt(3), Some((2, 1)));
        assert_eq!(TABLE.interrupt(9), Some((2, 2)));
        assert!(TABLE.interrupts_of(2).eq([3, 9]));
        assert_eq!(TABLE.interrupt(4), None);
    }
}
