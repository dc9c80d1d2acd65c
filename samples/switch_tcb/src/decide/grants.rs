//! Pointers that a partition passes, against what it was granted.

use super::table::{Table, WRITE};

/// Whether `partition` holds all of `rights` on every byte of `length` bytes at `start`.
///
/// A pointer must lie in one grant: neighbouring grants differ in rights or in owner. Nothing is granted where no
/// region is planned at all (`isolation = "none"`), and no bytes are refused there either.
pub fn allowed(table: &Table<'_>, partition: usize, start: u32, length: u32, rights: u32) -> bool {
    let Some(end) = start.checked_add(length) else { return false };
    if length == 0 {
        return false;
    }
    table.grants.is_empty()
        || table.grants.iter().any(|&[owner, low, high, held]| {
            owner as usize == partition && low <= start && end <= high && held & rights == rights
        })
}

/// Whether the bytes from `start` are granted to `partition` and to no other, to write: what a restart may set anew.
///
/// Code and constants in RAM are as they were, and while the partition's regions are loaded an Arm kernel may only read
/// them itself.
#[inline]
pub fn sole(table: &Table<'_>, partition: usize, start: u32) -> bool {
    let mut found = false;
    for &[owner, low, high, rights] in table.grants {
        if low <= start && start < high {
            if owner as usize != partition || rights & WRITE == 0 {
                return false;
            }
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::table::examples::TABLE;
    use super::super::table::{EXECUTE, READ, Table, WRITE};
    use super::{allowed, sole};

    #[test]
    fn a_pointer_is_inside_one_grant_with_all_the_rights() {
        assert!(allowed(&TABLE, 0, 0x2000_0000, 0x400, READ | WRITE));
        assert!(allowed(&TABLE, 1, 0x2000_0800, 0x200, READ));
        assert!(!allowed(&TABLE, 1, 0x2000_0800, 0x200, WRITE));
        assert!(!allowed(&TABLE, 0, 0x2000_0000, 0x400, EXECUTE));
    }

    #[test]
    fn hostile_pointers_are_refused() {
        let hostile = [
            (0x2000_0000, 0x401),       // one byte too many
            (0x1FFF_FFFF, 2),           // one byte too low
            (0x2000_0400, 4),           // the neighbour's
            (0x2000_0000, 0),           // nothing at all
            (0xFFFF_FFFF, 2),           // wraps round
            (0x2000_0004, 0xFFFF_FFFF), // wraps round to just below
            (0, 4),
        ];
        for (start, length) in hostile {
            assert!(!allowed(&TABLE, 0, start, length, READ), "{start:#x} {length:#x}");
        }
    }

    #[test]
    fn a_share_belongs_to_nobody_alone() {
        assert!(sole(&TABLE, 0, 0x2000_0000));
        assert!(!sole(&TABLE, 0, 0x2000_0800));
        assert!(!sole(&TABLE, 1, 0x2000_0000));
        assert!(!sole(&TABLE, 1, 0x2000_0A00));
    }

    #[test]
    fn what_a_partition_cannot_write_needs_no_setting_anew() {
        let grants = [[0, 0x2000_0000, 0x2000_0400, READ | EXECUTE], [0, 0x2000_0400, 0x2000_0800, READ | WRITE]];
        let table = Table { grants: &grants, ..TABLE };
        assert!(!sole(&table, 0, 0x2000_0000));
        assert!(sole(&table, 0, 0x2000_0400));
    }
}
