// Made by layoutplan from the manifest; plan 0x693d_e0d6_10e7_eaa4. A changed number does not compile.
//
// Fault containment, not isolation. gale's model has no execute-never and no background map; what follows from that is
// not proved:
//   att: kernel code [0x0000_0000, 0x0002_0000): unprivileged code reaches it
//   att: kernel data [0x2000_0000, 0x2000_8000): unprivileged code reaches it and may execute it
//   att: att.rodata [0x0003_ff60, 0x0003_ff80): executable
//   att: shared:ring [0x2000_fb80, 0x2000_fbc0): executable
//   att: att.data [0x2000_fe00, 0x2000_ff00): executable
//   att: att.data [0x2000_ff00, 0x2000_ff80): executable
//   gps: kernel code [0x0000_0000, 0x0002_0000): unprivileged code reaches it
//   gps: kernel data [0x2000_0000, 0x2000_8000): unprivileged code reaches it and may execute it
//   gps: shared:ring [0x2000_fb80, 0x2000_fbc0): executable
//   gps: gps.data [0x2000_fc00, 0x2000_fd00): executable
//   gps: gps.data [0x2000_fd00, 0x2000_fd40): executable
//   gps: uart1 [0x4000_4000, 0x4000_4400): executable
//   mix: kernel code [0x0000_0000, 0x0002_0000): unprivileged code reaches it
//   mix: kernel data [0x2000_0000, 0x2000_8000): unprivileged code reaches it and may execute it
//   mix: mix.data [0x2000_ff80, 0x2001_0000): executable
// The kernel sees its own two regions only, while a partition is loaded: copy load images with the MPU off.

/// For `gale::mpu_switch`: slot `partition * 8 + region`. The including module has `RegionTable` in scope.
#[rustfmt::skip]
pub static LP_GALE_TABLE: RegionTable = RegionTable {
    base: [
        // att
        0x0000_0000,
        0x2000_0000,
        0x0003_ff60,
        0x0003_ff80,
        0x2000_fb80,
        0x2000_fe00,
        0x2000_ff00,
        0x0000_0000,
        // gps
        0x0000_0000,
        0x2000_0000,
        0x0003_fe80,
        0x2000_fb80,
        0x2000_fc00,
        0x2000_fd00,
        0x4000_4000,
        0x0000_0000,
        // mix
        0x0000_0000,
        0x2000_0000,
        0x0003_ff80,
        0x2000_ff80,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
    ],
    size: [
        // att
        0x0002_0000,
        0x0000_8000,
        0x0000_0020,
        0x0000_0080,
        0x0000_0040,
        0x0000_0100,
        0x0000_0080,
        0x0000_0000,
        // gps
        0x0002_0000,
        0x0000_8000,
        0x0000_0080,
        0x0000_0040,
        0x0000_0100,
        0x0000_0040,
        0x0000_0400,
        0x0000_0000,
        // mix
        0x0002_0000,
        0x0000_8000,
        0x0000_0080,
        0x0000_0080,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
        0x0000_0000,
    ],
    enabled: [
        // att
        true,
        true,
        true,
        true,
        true,
        true,
        true,
        false,
        // gps
        true,
        true,
        true,
        true,
        true,
        true,
        true,
        false,
        // mix
        true,
        true,
        true,
        true,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
    ],
    writable: [
        // att
        false,
        true,
        false,
        false,
        false,
        true,
        true,
        false,
        // gps
        false,
        true,
        false,
        true,
        true,
        true,
        true,
        false,
        // mix
        false,
        true,
        false,
        true,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
        false,
    ],
};

const _: () = {
    // Of the tables' own module: what each partition was granted, compared byte range by byte range.
    const GRANTED: [[u32; 4]; 18] = [
        // att: kernel code
        [0x0000_0000, 0x0000_0000, 0x0002_0000, 0x0000_0000],
        // att: kernel data
        [0x0000_0000, 0x2000_0000, 0x2000_8000, 0x0000_0001],
        // att: att.rodata
        [0x0000_0000, 0x0003_ff60, 0x0003_ff80, 0x0000_0000],
        // att: shared:code
        [0x0000_0000, 0x0003_ff80, 0x0004_0000, 0x0000_0000],
        // att: shared:ring
        [0x0000_0000, 0x2000_fb80, 0x2000_fbc0, 0x0000_0000],
        // att: att.data
        [0x0000_0000, 0x2000_fe00, 0x2000_ff00, 0x0000_0001],
        // att: att.data
        [0x0000_0000, 0x2000_ff00, 0x2000_ff80, 0x0000_0001],
        // gps: kernel code
        [0x0000_0001, 0x0000_0000, 0x0002_0000, 0x0000_0000],
        // gps: kernel data
        [0x0000_0001, 0x2000_0000, 0x2000_8000, 0x0000_0001],
        // gps: gps.code
        [0x0000_0001, 0x0003_fe80, 0x0003_ff00, 0x0000_0000],
        // gps: shared:ring
        [0x0000_0001, 0x2000_fb80, 0x2000_fbc0, 0x0000_0001],
        // gps: gps.data
        [0x0000_0001, 0x2000_fc00, 0x2000_fd00, 0x0000_0001],
        // gps: gps.data
        [0x0000_0001, 0x2000_fd00, 0x2000_fd40, 0x0000_0001],
        // gps: uart1
        [0x0000_0001, 0x4000_4000, 0x4000_4400, 0x0000_0001],
        // mix: kernel code
        [0x0000_0002, 0x0000_0000, 0x0002_0000, 0x0000_0000],
        // mix: kernel data
        [0x0000_0002, 0x2000_0000, 0x2000_8000, 0x0000_0001],
        // mix: shared:code
        [0x0000_0002, 0x0003_ff80, 0x0004_0000, 0x0000_0000],
        // mix: mix.data
        [0x0000_0002, 0x2000_ff80, 0x2001_0000, 0x0000_0001],
    ];

    const fn check_slot(slot: usize) {
        let (base, size) = (LP_GALE_TABLE.base[slot], LP_GALE_TABLE.size[slot]);
        if !LP_GALE_TABLE.enabled[slot] {
            assert!(
                base == 0 && size == 0 && !LP_GALE_TABLE.writable[slot],
                "an unused slot is not zero"
            );
            return;
        }
        assert!(size >= 32 && size.is_power_of_two(), "a size the unit has not");
        assert!(base % size == 0, "a region is not aligned to its size");
        assert!(base.checked_add(size).is_some(), "a region ends at 2^32");
        let mut other = slot - slot % 8;
        while other < slot {
            let (base2, size2) = (LP_GALE_TABLE.base[other], LP_GALE_TABLE.size[other]);
            assert!(
                !LP_GALE_TABLE.enabled[other] || base + size <= base2 || base2 + size2 <= base,
                "two regions of one partition overlap"
            );
            other += 1;
        }
        let mut row = 0;
        let mut found = false;
        while row < GRANTED.len() {
            let [partition, start, end, writable] = GRANTED[row];
            let is_same = start == base && end == base + size;
            if partition as usize == slot / 8 && is_same {
                found = (writable == 1) == LP_GALE_TABLE.writable[slot];
            }
            row += 1;
        }
        assert!(found, "a region that was not granted");
    }

    let mut slot = 0;
    let mut count = 0;
    while slot < 32 {
        check_slot(slot);
        count += LP_GALE_TABLE.enabled[slot] as usize;
        slot += 1;
    }
    assert!(count == GRANTED.len(), "a grant without a region");
};
