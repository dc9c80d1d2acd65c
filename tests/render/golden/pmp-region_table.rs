// Made by layoutplan from the manifest; plan 0x5d57_eac0_662f_7ff2. A changed number does not compile.
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
/// What `mseccfg` holds while a partition runs: with Smepmp MML and MMWP, and never RLB.
#[allow(dead_code)]
pub const MSECCFG: u32 = 0x0000_0000;
/// Configuration registers that a switch writes, and the number of the first: `pmpcfg0` is 0.
#[allow(dead_code)]
pub const DYNAMIC_CFGS: usize = 2;
#[allow(dead_code)]
pub const FIRST_DYNAMIC_CFG: usize = 0;
#[allow(dead_code)]
pub const LP_PARTITION_ATT: usize = 0;
#[allow(dead_code)]
pub const LP_PARTITION_GPS: usize = 1;
#[allow(dead_code)]
pub const LP_PARTITION_MIX: usize = 2;

/// The linker script asks for this symbol, so that a table and a script of two plans do not link.
#[used]
#[unsafe(export_name = "__lp_plan_5d57eac0662f7ff2")]
#[unsafe(link_section = ".lp.region_table")]
static LP_PLAN: [u8; 0] = [];

/// Equal to `__lp_hash`, or the kernel refuses to start.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_HASH: u64 = 0x5d57_eac0_662f_7ff2;

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
        [0x0000_ffdb, 0x0000_0019],
        // slot 1: shared:code [0x0003_ff80, 0x0004_0000)
        [0x0000_ffef, 0x0000_001d],
        // slot 2: shared:ring [0x2000_fb80, 0x2000_fbc0)
        [0x0800_3ee7, 0x0000_0019],
        // slot 3: att.data [0x2000_fe00, 0x2000_ff80)
        [0x0800_3f80, 0x0000_0000],
        // slot 4: att.data [0x2000_fe00, 0x2000_ff80)
        [0x0800_3fe0, 0x0000_000b],
        // slot 5: off
        [0x0000_0000, 0x0000_0000],
    ],
    // gps
    [
        // slot 0: gps.code [0x0003_fe80, 0x0003_ff00)
        [0x0000_ffaf, 0x0000_001d],
        // slot 1: shared:ring [0x2000_fb80, 0x2000_fbc0)
        [0x0800_3ee7, 0x0000_001b],
        // slot 2: gps.data [0x2000_fc00, 0x2000_fd40)
        [0x0800_3f00, 0x0000_0000],
        // slot 3: gps.data [0x2000_fc00, 0x2000_fd40)
        [0x0800_3f50, 0x0000_000b],
        // slot 4: uart1 [0x4000_4000, 0x4000_4400)
        [0x1000_107f, 0x0000_001b],
        // slot 5: off
        [0x0000_0000, 0x0000_0000],
    ],
    // mix
    [
        // slot 0: shared:code [0x0003_ff80, 0x0004_0000)
        [0x0000_ffef, 0x0000_001d],
        // slot 1: mix.data [0x2000_ff80, 0x2001_0000)
        [0x0800_3fef, 0x0000_001b],
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

/// The configuration registers that a switch writes, per partition: whole words, static neighbours' bytes included.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
#[rustfmt::skip]
pub static LP_DYNAMIC_CFG: [[u32; DYNAMIC_CFGS]; PARTITIONS] = [
    // att
    [0x0019_1d19, 0x0000_000b],
    // gps
    [0x0b00_1b1d, 0x0000_001b],
    // mix
    [0x0000_1b1d, 0x0000_0000],
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
    row = 0;
    while row < PARTITIONS {
        let mut column = 0;
        while column < DYNAMIC_CFGS {
            state = step(state, LP_DYNAMIC_CFG[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    assert!(
        state == 0x7427_a24a_05de_c073,
        "region_table.rs was edited: run `layoutplan solve` again"
    );
};
const _: () = assert!(LP_PARTITION_ATT == 0);
const _: () = assert!(LP_PARTITION_GPS == 1);
const _: () = assert!(LP_PARTITION_MIX == 2);
const _: () = assert!(RESERVED_SLOTS == 0);
const _: () = assert!(MSECCFG == 0x0000_0000);
const _: () = assert!(FIRST_DYNAMIC_CFG == 0);
const _: () = assert!(SOFTWARE_BOUNDS == 0);
const _: () = assert!(PARTITIONS == 3);
const _: () = assert!(FIRST_STATIC_SLOT == 6 && FIRST_DYNAMIC_SLOT == 0);

// The words once more, read by the privileged architecture's tables for pmpaddr and pmpcfg, compared with LP_GRANTS.
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

    // Bytes: regions below this cannot be told apart.
    const GRAIN: u64 = 4;

    // Entries that the chip has fixed: number, configuration.
    const FIXED: [[u32; 2]; 0] = [];

    // The first of them that a switch or boot writes.
    const FIRST_SLOT: usize = FIRST_DYNAMIC_SLOT;

    // In the order of their numbers, of which the lowest that matches decides.
    const fn entry(partition: usize, index: usize) -> [u32; 2] {
        if index < DYNAMIC_SLOTS {
            LP_DYNAMIC[partition][index]
        } else {
            LP_STATIC[index - DYNAMIC_SLOTS]
        }
    }

    const fn mode(pair: [u32; 2]) -> u32 {
        (pair[1] >> 3) & 3
    }

    // Start and end; pmpaddr holds address bits 33 to 2. TOR starts where the entry before it has its address.
    const fn range(partition: usize, index: usize) -> [u64; 2] {
        let pair = entry(partition, index);
        let address = (pair[0] as u64) << 2;
        match mode(pair) {
            0 => [0, 0],
            1 if index == 0 => [0, address],
            1 => [(entry(partition, index - 1)[0] as u64) << 2, address],
            2 => [address, address + 4],
            _ => {
                let size = 8u64 << pair[0].trailing_ones();
                [address & !(size - 1), (address & !(size - 1)) + size]
            }
        }
    }

    const fn rights(config: u32) -> u32 {
        config & 7
    }

    const fn check_entry(partition: usize, index: usize) {
        let [address, config] = entry(partition, index);
        assert!(
            config & !0x1f == 0,
            "a reserved bit of pmpcfg or its lock is set"
        );
        let next = index + 1;
        let is_last = next == DYNAMIC_SLOTS + STATIC_SLOTS;
        let is_bound = !is_last && mode(entry(partition, next)) == 1;
        if mode([address, config]) == 0 {
            assert!(config & 0x7f == 0, "an entry that is off grants rights");
            assert!(address == 0 || is_bound, "an unused entry is not zero");
            return;
        }
        let [start, end] = range(partition, index);
        assert!(start < end, "an entry matches nothing");
        assert!(
            start % GRAIN == 0 && end % GRAIN == 0,
            "an entry is not on the grain"
        );
        let rights = rights(config);
        assert!(
            rights == 0 || rights == 1 || rights == 3 || rights == 5,
            "rights are read, with write or execute, never both"
        );
    }

    const fn allowed(partition: usize, address: u64) -> u32 {
        let mut index = 0;
        while index < DYNAMIC_SLOTS + STATIC_SLOTS {
            let [start, end] = range(partition, index);
            if start <= address && address < end {
                return rights(entry(partition, index)[1]);
            }
            index += 1;
        }
        0
    }

    const fn check_address(partition: usize, address: u64) {
        let expected = if address >> 32 == 0 {
            granted(partition as u32, address as u32)
        } else {
            0
        };
        assert!(
            allowed(partition, address) == expected,
            "the entries of a partition and its grants differ"
        );
    }

    // Permissions change at the edges of entries and grants only, so that the edges stand for all addresses.
    const fn check_partition(partition: usize) {
        let mut index = 0;
        while index < DYNAMIC_SLOTS + STATIC_SLOTS {
            check_entry(partition, index);
            index += 1;
        }
        check_address(partition, 0);
        index = 0;
        while index < DYNAMIC_SLOTS + STATIC_SLOTS {
            let [start, end] = range(partition, index);
            check_address(partition, start);
            check_address(partition, end);
            index += 1;
        }
        let mut row = 0;
        while row < GRANTS {
            if LP_GRANTS[row][0] as usize == partition {
                check_address(partition, LP_GRANTS[row][1] as u64);
                check_address(partition, LP_GRANTS[row][2] as u64);
            }
            row += 1;
        }
    }

    // What a switch writes as whole registers is what the pairs say, byte by byte.
    const fn configuration(partition: usize, number: usize) -> u32 {
        if number.wrapping_sub(FIRST_SLOT) < DYNAMIC_SLOTS + STATIC_SLOTS {
            return entry(partition, number - FIRST_SLOT)[1];
        }
        let mut row = 0;
        while row < FIXED.len() {
            if FIXED[row][0] as usize == number {
                return FIXED[row][1];
            }
            row += 1;
        }
        0
    }

    const fn check_configurations(partition: usize) {
        let mut word = 0;
        while word < DYNAMIC_CFGS {
            let mut byte = 0;
            while byte < 4 {
                let number = 4 * (FIRST_DYNAMIC_CFG + word) + byte;
                let written = (LP_DYNAMIC_CFG[partition][word] >> (8 * byte)) & 0xff;
                assert!(
                    written == configuration(partition, number),
                    "a configuration register and its entries differ"
                );
                byte += 1;
            }
            word += 1;
        }
    }

    const _: () = assert!(
        FIRST_STATIC_SLOT == FIRST_DYNAMIC_SLOT + DYNAMIC_SLOTS,
        "static entries follow the dynamic ones"
    );
    const _: () = assert!(
        DYNAMIC_SLOTS == 0
            || 4 * (FIRST_DYNAMIC_CFG + DYNAMIC_CFGS) >= FIRST_DYNAMIC_SLOT + DYNAMIC_SLOTS,
        "a dynamic entry's configuration is never written"
    );
    const _: () = check_partition(LP_PARTITION_ATT);
    const _: () = check_configurations(LP_PARTITION_ATT);
    const _: () = check_partition(LP_PARTITION_GPS);
    const _: () = check_configurations(LP_PARTITION_GPS);
    const _: () = check_partition(LP_PARTITION_MIX);
    const _: () = check_configurations(LP_PARTITION_MIX);
};
