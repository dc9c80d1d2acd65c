//! Telemetry (untrusted): packs frames with a CRC-16. It has the bug that the sample is about: told to (the firmware's
//! scenario), it writes its frame to an address that is not its own, as an unchecked length from the air would do.
#![no_std]

#[path = "../../switch_tcb/calls.rs"]
mod calls;
#[path = "panic.rs"]
mod panic;

use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};

const FRAME: usize = 48;

#[used]
static CRC_TABLE: [u16; 16] = [
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad,
    0xe1ce, 0xf1ef,
];

#[used]
static HEADER: [AtomicU8; 4] = [AtomicU8::new(0xFD), AtomicU8::new(9), AtomicU8::new(1), AtomicU8::new(0)];
static SENT: AtomicU32 = AtomicU32::new(0);
#[used]
static CRC: AtomicU16 = AtomicU16::new(0);
static BUFFER: [AtomicU8; FRAME] = [const { AtomicU8::new(0) }; FRAME];

fn crc(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0xFFFF, |crc, byte| {
        let crc = (crc << 4) ^ CRC_TABLE[usize::from((crc >> 12) ^ u16::from(byte >> 4)) & 15];
        (crc << 4) ^ CRC_TABLE[usize::from((crc >> 12) ^ u16::from(byte & 15)) & 15]
    })
}

fn pack() {
    let sent = SENT.fetch_add(1, Relaxed);
    for (slot, byte) in BUFFER.iter().zip(&HEADER) {
        slot.store(byte.load(Relaxed), Relaxed);
    }
    for (slot, byte) in BUFFER[4..].iter().zip(sent.to_le_bytes().into_iter().cycle()) {
        slot.store(byte, Relaxed);
    }
    CRC.store(crc(BUFFER.iter().map(|byte| byte.load(Relaxed))), Relaxed);
}

/// `destination`: zero, or the address to which the bug writes.
#[unsafe(no_mangle)]
pub extern "C" fn telemetry_main(destination: u32) -> ! {
    loop {
        pack();
        if destination != 0 && SENT.load(Relaxed) == 3 {
            // SAFETY: none. This is the defect that isolation has to contain.
            unsafe { (destination as *mut u8).write_volatile(BUFFER[0].load(Relaxed)) };
        }
        calls::yield_now();
    }
}
