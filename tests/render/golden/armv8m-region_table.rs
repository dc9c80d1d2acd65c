// Made by layoutplan from the manifest; plan 0x592e_3d79_9a7d_c83a. A changed number does not compile.
// Partitions and tasks are numbered by their sorted names. Read the statics with `read_volatile`: otherwise rustc
// folds the words into instructions, and what runs is no longer this table.

#[allow(dead_code)]
pub const PARTITIONS: usize = 3;
#[allow(dead_code)]
pub const TASKS: usize = 3;
#[allow(dead_code)]
pub const GRANTS: usize = 10;
#[allow(dead_code)]
pub const INTERRUPTS: usize = 1;
#[allow(dead_code)]
pub const SOFTWARE_BOUNDS: usize = 0;
#[allow(dead_code)]
pub const STATIC_SLOTS: usize = 2;
#[allow(dead_code)]
pub const DYNAMIC_SLOTS: usize = 6;
#[allow(dead_code)]
pub const FIRST_STATIC_SLOT: usize = 6;
#[allow(dead_code)]
pub const FIRST_DYNAMIC_SLOT: usize = 0;
#[allow(dead_code)]
pub const RESERVED_SLOTS: usize = 0;
/// What `MPU_CTRL` holds while a partition runs: ENABLE, and PRIVDEFENA unless static regions stand for the kernel's map.
#[allow(dead_code)]
pub const MPU_CONTROL: u32 = 0x0000_0005;
/// `MPU_MAIR0` and `MPU_MAIR1`, which regions refer to on Armv8-M; zero elsewhere.
#[allow(dead_code)]
pub const MEMORY_ATTRIBUTES: [u32; 2] = [0x0444_aaff, 0x0000_0000];
#[allow(dead_code)]
pub const LP_PARTITION_ATT: usize = 0;
#[allow(dead_code)]
pub const LP_PARTITION_GPS: usize = 1;
#[allow(dead_code)]
pub const LP_PARTITION_MIX: usize = 2;

/// The linker script asks for this symbol, so that a table and a script of two plans do not link.
#[used]
#[unsafe(export_name = "__lp_plan_592e3d799a7dc83a")]
#[unsafe(link_section = ".lp.region_table")]
static LP_PLAN: [u8; 0] = [];

/// Equal to `__lp_hash`, or the kernel refuses to start.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_HASH: u64 = 0x592e_3d79_9a7d_c83a;

/// The registers of slots that every partition has alike: written once, at boot.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_STATIC: [[u32; 2]; STATIC_SLOTS] = [
    // slot 6: off
    [0x0000_0000, 0x0000_0000],
    // slot 7: off
    [0x0000_0000, 0x0000_0000],
];

/// The registers that a switch writes, per partition.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_DYNAMIC: [[[u32; 2]; DYNAMIC_SLOTS]; PARTITIONS] = [
    // att
    [
        // slot 0: att.rodata [0x0003_ff60, 0x0003_ff80)
        [0x0003_ff67, 0x0003_ff63],
        // slot 1: shared:code [0x0003_ff80, 0x0004_0000)
        [0x0003_ff86, 0x0003_ffe3],
        // slot 2: shared:ring [0x2000_fb80, 0x2000_fbc0)
        [0x2000_fb97, 0x2000_fba1],
        // slot 3: att.data [0x2000_fe00, 0x2000_ff80)
        [0x2000_fe13, 0x2000_ff61],
        // slot 4: off
        [0x0000_0000, 0x0000_0000],
        // slot 5: off
        [0x0000_0000, 0x0000_0000],
    ],
    // gps
    [
        // slot 0: gps.code [0x0003_fe80, 0x0003_ff00)
        [0x0003_fe86, 0x0003_fee3],
        // slot 1: shared:ring [0x2000_fb80, 0x2000_fbc0)
        [0x2000_fb93, 0x2000_fba1],
        // slot 2: gps.data [0x2000_fc00, 0x2000_fd40)
        [0x2000_fc13, 0x2000_fd21],
        // slot 3: uart1 [0x4000_4000, 0x4000_4400)
        [0x4000_4013, 0x4000_43e7],
        // slot 4: off
        [0x0000_0000, 0x0000_0000],
        // slot 5: off
        [0x0000_0000, 0x0000_0000],
    ],
    // mix
    [
        // slot 0: shared:code [0x0003_ff80, 0x0004_0000)
        [0x0003_ff86, 0x0003_ffe3],
        // slot 1: mix.data [0x2000_ff80, 0x2001_0000)
        [0x2000_ff93, 0x2000_ffe1],
        // slot 2: off
        [0x0000_0000, 0x0000_0000],
        // slot 3: off
        [0x0000_0000, 0x0000_0000],
        // slot 4: off
        [0x0000_0000, 0x0000_0000],
        // slot 5: off
        [0x0000_0000, 0x0000_0000],
    ],
];

/// Partition, start, end, rights (1 read, 2 write, 4 execute): what a pointer from a partition may reach.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_GRANTS: [[u32; 4]; GRANTS] = [
    // att: att.rodata [0x0003_ff60, 0x0003_ff80) r
    [0x0000_0000, 0x0003_ff60, 0x0003_ff80, 0x0000_0001],
    // att: shared:code [0x0003_ff80, 0x0004_0000) rx
    [0x0000_0000, 0x0003_ff80, 0x0004_0000, 0x0000_0005],
    // att: shared:ring [0x2000_fb80, 0x2000_fbc0) r
    [0x0000_0000, 0x2000_fb80, 0x2000_fbc0, 0x0000_0001],
    // att: att.data [0x2000_fe00, 0x2000_ff80) rw
    [0x0000_0000, 0x2000_fe00, 0x2000_ff80, 0x0000_0003],
    // gps: gps.code [0x0003_fe80, 0x0003_ff00) rx
    [0x0000_0001, 0x0003_fe80, 0x0003_ff00, 0x0000_0005],
    // gps: shared:ring [0x2000_fb80, 0x2000_fbc0) rw
    [0x0000_0001, 0x2000_fb80, 0x2000_fbc0, 0x0000_0003],
    // gps: gps.data [0x2000_fc00, 0x2000_fd40) rw
    [0x0000_0001, 0x2000_fc00, 0x2000_fd40, 0x0000_0003],
    // gps: uart1 [0x4000_4000, 0x4000_4400) rw
    [0x0000_0001, 0x4000_4000, 0x4000_4400, 0x0000_0003],
    // mix: shared:code [0x0003_ff80, 0x0004_0000) rx
    [0x0000_0002, 0x0003_ff80, 0x0004_0000, 0x0000_0005],
    // mix: mix.data [0x2000_ff80, 0x2001_0000) rw
    [0x0000_0002, 0x2000_ff80, 0x2001_0000, 0x0000_0003],
];

/// Base, size and mask of each partition's linear memory, for the checks that the compiler put in. All zero where
/// there is none; the mask is zero where the checks compare.
#[allow(dead_code)]
pub static LP_SOFTWARE: [[u32; 3]; SOFTWARE_BOUNDS] = [];

/// Lowest address of the stack, the address after it, partition.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_TASKS: [[u32; 3]; TASKS] = [
    // att [0x2000_fe00, 0x2000_ff00)
    [0x2000_fe00, 0x2000_ff00, 0x0000_0000],
    // gps [0x2000_fc00, 0x2000_fc80)
    [0x2000_fc00, 0x2000_fc80, 0x0000_0001],
    // mix [0x2000_ff80, 0x2000_ffe0)
    [0x2000_ff80, 0x2000_ffe0, 0x0000_0002],
];

/// Interrupt number, task that it wakes.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_INTERRUPTS: [[u32; 2]; INTERRUPTS] = [
    // interrupt 5 wakes gps
    [0x0000_0005, 0x0000_0001],
];

unsafe extern "C" {
    // att
    #[link_name = "att_main"]
    fn lp_entry_0();
    // gps
    #[link_name = "gps_main"]
    fn lp_entry_1();
    // mix
    #[link_name = "mix_main"]
    fn lp_entry_2();
}

/// Where tasks begin, as the linker resolved it.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
#[rustfmt::skip]
pub static LP_ENTRIES: [unsafe extern "C" fn(); TASKS] = [
    lp_entry_0,
    lp_entry_1,
    lp_entry_2,
];

// Checks at compile time: no number above can change alone.
const _: () = {
    const fn step(state: u64, word: u64) -> u64 {
        (state ^ word).wrapping_mul(0x0100_0000_01b3)
    }
    // Each step is a bijection of the state, so that no single changed word leads to the same end.
    let mut state = step(0xcbf2_9ce4_8422_2325, LP_HASH);
    let mut row;
    row = 0;
    while row < STATIC_SLOTS {
        let mut column = 0;
        while column < 2 {
            state = step(state, LP_STATIC[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    let mut partition = 0;
    while partition < PARTITIONS {
        row = 0;
        while row < DYNAMIC_SLOTS {
            state = step(state, LP_DYNAMIC[partition][row][0] as u64);
            state = step(state, LP_DYNAMIC[partition][row][1] as u64);
            row += 1;
        }
        partition += 1;
    }
    row = 0;
    while row < GRANTS {
        let mut column = 0;
        while column < 4 {
            state = step(state, LP_GRANTS[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    row = 0;
    while row < TASKS {
        let mut column = 0;
        while column < 3 {
            state = step(state, LP_TASKS[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    row = 0;
    while row < INTERRUPTS {
        let mut column = 0;
        while column < 2 {
            state = step(state, LP_INTERRUPTS[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    assert!(
        state == 0x692c_1e44_4f61_e0f5,
        "region_table.rs was edited: run `layoutplan solve` again"
    );
};
const _: () = assert!(LP_PARTITION_ATT == 0);
const _: () = assert!(LP_PARTITION_GPS == 1);
const _: () = assert!(LP_PARTITION_MIX == 2);
const _: () = assert!(RESERVED_SLOTS == 0);
const _: () = assert!(MPU_CONTROL == 0x0000_0005);
const _: () = assert!(MEMORY_ATTRIBUTES[0] == 0x0444_aaff);
const _: () = assert!(MEMORY_ATTRIBUTES[1] == 0x0000_0000);
const _: () = assert!(SOFTWARE_BOUNDS == 0);
const _: () = assert!(PARTITIONS == 3);
const _: () = assert!(FIRST_STATIC_SLOT == 6 && FIRST_DYNAMIC_SLOT == 0);

// The words once more, read by the manual's tables for MPU_RBAR and MPU_RLAR and compared with LP_GRANTS.
#[allow(clippy::absurd_extreme_comparisons)] // a count may be zero
const _: () = {
    // What more than one partition may touch. All other grants are disjoint.
    const SHARED: [[u32; 2]; 2] = [
        // shared:code [0x0003_ff80, 0x0004_0000)
        [0x0003_ff80, 0x0004_0000],
        // shared:ring [0x2000_fb80, 0x2000_fbc0)
        [0x2000_fb80, 0x2000_fbc0],
    ];

    const fn is_shared(start: u32, end: u32) -> bool {
        let mut row = 0;
        while row < SHARED.len() {
            if SHARED[row][0] == start && SHARED[row][1] == end {
                return true;
            }
            row += 1;
        }
        false
    }

    // The first row of each partition and of the next: rows are in the order of partitions.
    const fn first_row(partition: u32) -> usize {
        let mut row = 0;
        while row < GRANTS && LP_GRANTS[row][0] < partition {
            row += 1;
        }
        row
    }

    const FIRST_ROWS: [usize; PARTITIONS + 1] = {
        let mut rows = [GRANTS; PARTITIONS + 1];
        let mut partition = 0;
        while partition <= PARTITIONS {
            rows[partition] = first_row(partition as u32);
            partition += 1;
        }
        rows
    };

    const fn granted(partition: u32, address: u32) -> u32 {
        let mut found = 0;
        let mut row = FIRST_ROWS[partition as usize];
        while row < FIRST_ROWS[partition as usize + 1] {
            if LP_GRANTS[row][0] == partition {
                let [_, start, end, rights] = LP_GRANTS[row];
                if start <= address && address < end {
                    found |= rights;
                }
            }
            row += 1;
        }
        found
    }

    const fn check_grant(row: usize) {
        let [owner, start, end, rights] = LP_GRANTS[row];
        assert!((owner as usize) < PARTITIONS, "a grant to no partition");
        assert!(
            row == 0 || LP_GRANTS[row - 1][0] <= owner,
            "grants are not in order"
        );
        assert!(start < end, "a grant that is empty");
        assert!(
            rights == 1 || rights == 3 || rights == 5,
            "rights are read, with write or execute, never both"
        );
        let mut other = 0;
        while other < row {
            let [owner2, start2, end2, rights2] = LP_GRANTS[other];
            if start < end2 && start2 < end {
                assert!(
                    owner != owner2 && start == start2 && end == end2 && is_shared(start, end),
                    "two grants overlap"
                );
                assert!(
                    (rights | rights2) & 6 != 6,
                    "one partition may write what another may execute"
                );
            }
            other += 1;
        }
    }

    const fn check_task(task: usize) {
        let [low, high, partition] = LP_TASKS[task];
        assert!(low < high, "a stack that is empty");
        assert!(low % 8 == 0 && high % 8 == 0, "a stack is not aligned");
        assert!((partition as usize) < PARTITIONS, "a task in no partition");
        let mut row = 0;
        let mut inside = false;
        while row < GRANTS {
            let [owner, start, end, rights] = LP_GRANTS[row];
            let holds = owner == partition && start <= low && high <= end;
            if holds && rights == 3 && !is_shared(start, end) {
                inside = true;
            }
            row += 1;
        }
        assert!(inside, "a stack outside its partition's own memory");
    }

    const _: () = {
        let mut row = 0;
        while row < GRANTS {
            check_grant(row);
            row += 1;
        }
    };
    const _: () = {
        let mut task = 0;
        while task < TASKS {
            check_task(task);
            task += 1;
        }
    };

    // Start, end, and the memory attributes of every region in between.
    const TYPES: [[u32; 3]; 3] = [
        // [0x0000_0000, 0x0004_0000)
        [0x0000_0000, 0x0004_0000, 0x0000_0001],
        // [0x2000_0000, 0x2001_0000)
        [0x2000_0000, 0x2001_0000, 0x0000_0010],
        // [0x4000_4000, 0x4000_4400)
        [0x4000_4000, 0x4000_4400, 0x0000_0013],
    ];

    const fn field(word: u32, low: u32, bits: u32) -> u32 {
        (word >> low) & ((1 << bits) - 1)
    }

    const fn has_type(address: u32, attributes: u32) -> bool {
        let mut row = 0;
        while row < TYPES.len() {
            let [start, end, expected] = TYPES[row];
            if start <= address && address < end && attributes == expected {
                return true;
            }
            row += 1;
        }
        false
    }

    // The limit names the last granule of 32 bytes inside.
    const fn is_match(pair: [u32; 2], address: u32) -> bool {
        let [rbar, rlar] = pair;
        rlar & 1 == 1 && rbar & !0x1f <= address && address <= rlar | 0x1f
    }

    const fn rights(rbar: u32) -> u32 {
        let data = match field(rbar, 1, 2) {
            0b01 => 3,
            0b11 => 1,
            _ => panic!("AP is neither read-only nor read-write for all"),
        };
        data | (1 - field(rbar, 0, 1)) << 2
    }

    const fn check_pair(pair: [u32; 2], _slot: usize) {
        let [rbar, rlar] = pair;
        if rlar & 1 == 0 {
            assert!(rbar == 0 && rlar == 0, "an unused slot is not zero");
            return;
        }
        assert!(field(rlar, 4, 1) == 0, "PXN is reserved before Armv8.1-M");
        assert!(field(rbar, 3, 2) != 0b01, "SH is reserved");
        assert!(rbar & !0x1f <= rlar, "a region ends before it starts");
        assert!(rights(rbar) & 6 != 6, "a region is writable and executable");
        let attributes = field(rbar, 3, 2) << 3 | field(rlar, 1, 3);
        assert!(
            has_type(rbar & !0x1f, attributes) && has_type(rlar | 0x1f, attributes),
            "a region has another memory's attributes"
        );
    }

    // An access that two enabled regions match faults, whatever they allow.
    const fn allowed(partition: usize, address: u32) -> u32 {
        let mut found = 0;
        let mut count = 0;
        let mut slot = 0;
        while slot < STATIC_SLOTS + DYNAMIC_SLOTS {
            let pair = if slot < STATIC_SLOTS {
                LP_STATIC[slot]
            } else {
                LP_DYNAMIC[partition][slot - STATIC_SLOTS]
            };
            if is_match(pair, address) {
                found = rights(pair[0]);
                count += 1;
            }
            slot += 1;
        }
        assert!(count < 2, "two regions of one partition overlap");
        found
    }

    // Permissions change at the edges of regions and grants only, so that the edges stand for all addresses.
    const fn check_edges(partition: usize, pair: [u32; 2]) {
        if pair[1] & 1 == 1 {
            check_address(partition, pair[0] & !0x1f);
            check_address(partition, (pair[1] | 0x1f).wrapping_add(1));
        }
    }

    const fn check_address(partition: usize, address: u32) {
        assert!(
            allowed(partition, address) == granted(partition as u32, address),
            "the registers of a partition and its grants differ"
        );
    }

    const fn check_partition(partition: usize) {
        check_address(partition, 0);
        let mut slot = 0;
        while slot < STATIC_SLOTS {
            check_edges(partition, LP_STATIC[slot]);
            slot += 1;
        }
        slot = 0;
        while slot < DYNAMIC_SLOTS {
            check_pair(LP_DYNAMIC[partition][slot], FIRST_DYNAMIC_SLOT + slot);
            check_edges(partition, LP_DYNAMIC[partition][slot]);
            slot += 1;
        }
        let mut row = 0;
        while row < GRANTS {
            if LP_GRANTS[row][0] as usize == partition {
                check_address(partition, LP_GRANTS[row][1]);
                check_address(partition, LP_GRANTS[row][2]);
            }
            row += 1;
        }
    }

    const _: () = {
        let mut slot = 0;
        while slot < STATIC_SLOTS {
            check_pair(LP_STATIC[slot], FIRST_STATIC_SLOT + slot);
            slot += 1;
        }
    };
    const _: () = check_partition(LP_PARTITION_ATT);
    const _: () = check_partition(LP_PARTITION_GPS);
    const _: () = check_partition(LP_PARTITION_MIX);
};
