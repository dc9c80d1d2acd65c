// Made by layoutplan from the manifest; plan 0x8dc9_c3c7_f517_60aa. A changed number does not compile.
// Partitions and tasks are numbered by their sorted names. Read the statics with `read_volatile`: otherwise rustc
// folds the words into instructions, and what runs is no longer this table.

#[allow(dead_code)]
pub const PARTITIONS: usize = 3;
#[allow(dead_code)]
pub const TASKS: usize = 3;
#[allow(dead_code)]
pub const GRANTS: usize = 0;
#[allow(dead_code)]
pub const INTERRUPTS: usize = 1;
#[allow(dead_code)]
pub const SOFTWARE_BOUNDS: usize = 3;
#[allow(dead_code)]
pub const STATIC_SLOTS: usize = 0;
#[allow(dead_code)]
pub const DYNAMIC_SLOTS: usize = 0;
#[allow(dead_code)]
pub const FIRST_STATIC_SLOT: usize = 0;
#[allow(dead_code)]
pub const FIRST_DYNAMIC_SLOT: usize = 0;
#[allow(dead_code)]
pub const RESERVED_SLOTS: usize = 0;
/// What `MPU_CTRL` holds while a partition runs: ENABLE, and PRIVDEFENA unless static regions stand for the kernel's map.
#[allow(dead_code)]
pub const MPU_CONTROL: u32 = 0x0000_0005;
/// `MPU_MAIR0` and `MPU_MAIR1`, which regions refer to on Armv8-M; zero elsewhere.
#[allow(dead_code)]
pub const MEMORY_ATTRIBUTES: [u32; 2] = [0x0000_0000, 0x0000_0000];
#[allow(dead_code)]
pub const LP_PARTITION_ATT: usize = 0;
#[allow(dead_code)]
pub const LP_PARTITION_GPS: usize = 1;
#[allow(dead_code)]
pub const LP_PARTITION_MIX: usize = 2;

/// The linker script asks for this symbol, so that a table and a script of two plans do not link.
#[used]
#[unsafe(export_name = "__lp_plan_8dc9c3c7f51760aa")]
#[unsafe(link_section = ".lp.region_table")]
static LP_PLAN: [u8; 0] = [];

/// Equal to `__lp_hash`, or the kernel refuses to start.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_HASH: u64 = 0x8dc9_c3c7_f517_60aa;

/// The registers of slots that every partition has alike: written once, at boot.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_STATIC: [[u32; 2]; STATIC_SLOTS] = [];

/// The registers that a switch writes, per partition.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_DYNAMIC: [[[u32; 2]; DYNAMIC_SLOTS]; PARTITIONS] = [[]; PARTITIONS];

/// Partition, start, end, rights (1 read, 2 write, 4 execute): what a pointer from a partition may reach.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_GRANTS: [[u32; 4]; GRANTS] = [];

/// Base, size and mask of each partition's linear memory, for the checks that the compiler put in. All zero where
/// there is none; the mask is zero where the checks compare.
#[used]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".lp.region_table")]
pub static LP_SOFTWARE: [[u32; 3]; SOFTWARE_BOUNDS] = [
    // att: [0x2000_fe00, 0x2000_ff00)
    [0x2000_fe00, 0x0000_0100, 0x0000_00ff],
    // gps: [0x2000_fc00, 0x2000_fc60)
    [0x2000_fc00, 0x0000_0060, 0x0000_0000],
    // mix: no linear memory
    [0x0000_0000, 0x0000_0000, 0x0000_0000],
];

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
    while row < SOFTWARE_BOUNDS {
        let mut column = 0;
        while column < 3 {
            state = step(state, LP_SOFTWARE[row][column] as u64);
            column += 1;
        }
        row += 1;
    }
    assert!(
        state == 0x308d_1eaa_80e3_e707,
        "region_table.rs was edited: run `layoutplan solve` again"
    );
};
const _: () = assert!(LP_PARTITION_ATT == 0);
const _: () = assert!(LP_PARTITION_GPS == 1);
const _: () = assert!(LP_PARTITION_MIX == 2);
const _: () = assert!(RESERVED_SLOTS == 0);
const _: () = assert!(MPU_CONTROL == 0x0000_0005);
const _: () = assert!(MEMORY_ATTRIBUTES[0] == 0x0000_0000);
const _: () = assert!(MEMORY_ATTRIBUTES[1] == 0x0000_0000);
const _: () = {
    const fn apart(first: [u32; 3], second: [u32; 3]) -> bool {
        first[0] as u64 + first[1] as u64 <= second[0] as u64
            || second[0] as u64 + second[1] as u64 <= first[0] as u64
    }

    let mut partition = 0;
    while partition < SOFTWARE_BOUNDS {
        let [base, size, mask] = LP_SOFTWARE[partition];
        assert!(
            base % 4 == 0,
            "a linear memory begins at a word: its accesses are aligned from there"
        );
        assert!(
            base as u64 + size as u64 <= 1 << 32,
            "a linear memory ends inside the address space"
        );
        assert!(
            size != 0 || base == 0 && mask == 0,
            "without a linear memory there is nothing to bound"
        );
        assert!(
            mask == 0 || size.is_power_of_two() && mask == size - 1,
            "a mask keeps an access inside a power of two"
        );
        let mut other = 0;
        while other < partition {
            assert!(
                size == 0
                    || LP_SOFTWARE[other][1] == 0
                    || apart(LP_SOFTWARE[partition], LP_SOFTWARE[other]),
                "two partitions have one linear memory"
            );
            other += 1;
        }
        partition += 1;
    }
};
const _: () = assert!(SOFTWARE_BOUNDS == 3);
const _: () = assert!(PARTITIONS == 3);
const _: () = assert!(FIRST_STATIC_SLOT == 0 && FIRST_DYNAMIC_SLOT == 0);
