//! GPS driver (untrusted, as a vendor would deliver it): configures the receiver through UART 0, parses NMEA sentences
//! and leaves fixes in the `ring` share.
#![no_std]

#[cfg_attr(target_arch = "arm", path = "mps2.rs")]
#[cfg_attr(target_arch = "riscv32", path = "virt.rs")]
mod board;
#[path = "../../switch_tcb/calls.rs"]
mod calls;
#[path = "panic.rs"]
mod panic;
#[path = "ring.rs"]
mod ring;

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

static CONFIGURE: &[u8] = b"$PUBX,40,RMC,0,1,0,0*46\r\n";

/// What the receiver says: without an antenna on an emulated board, a recording.
static RECORDING: [&[u8]; 4] = [
    b"$GPRMC,092750.000,A,5321.6802,N,00630.3372,W,0.02,31.66,280511,,,A*43",
    b"$GPRMC,092751.000,A,5321.6811,N,00630.3362,W,4.21,32.10,280511,,,A*46",
    b"$GPRMC,092752.000,A,5321.6825,N,00630.3349,W,9.80,34.75,280511,,,A*48",
    b"$GPRMC,092753.000,A,5321.6840,N,00630.3331,W,9.95,36.02,280511,,,A*43",
];

#[used]
static RATE: AtomicU32 = AtomicU32::new(115_200);
static SEQUENCE: AtomicU32 = AtomicU32::new(0);
#[used]
static REJECTED: AtomicU32 = AtomicU32::new(0);
static LINE: [AtomicU8; 96] = [const { AtomicU8::new(0) }; 96];

fn configure() {
    board::uart::start(RATE.load(Relaxed));
    CONFIGURE.iter().copied().for_each(board::uart::send);
}

fn receive_line(sentence: &[u8]) -> usize {
    for (slot, &byte) in LINE.iter().zip(sentence) {
        slot.store(byte, Relaxed);
    }
    sentence.len().min(LINE.len())
}

fn field(length: usize, wanted: usize) -> impl Iterator<Item = u8> {
    let mut commas = 0;
    LINE[..length].iter().map(|byte| byte.load(Relaxed)).filter(move |&byte| {
        commas += usize::from(byte == b',');
        commas == wanted && byte != b','
    })
}

/// A decimal number with its point left out, `places` digits after it.
fn decimal(characters: impl Iterator<Item = u8>, places: u32) -> i32 {
    let (mut value, mut after, mut point) = (0_i32, 0, false);
    for character in characters {
        match character {
            b'.' => point = true,
            b'0'..=b'9' if !point || after < places => {
                value = value.wrapping_mul(10).wrapping_add(i32::from(character - b'0'));
                after += u32::from(point);
            }
            _ => {}
        }
    }
    (after..places).fold(value, |value, _| value.wrapping_mul(10))
}

fn checksum_fits(length: usize) -> bool {
    let mut sum = 0;
    let mut bytes = LINE[1..length].iter().map(|byte| byte.load(Relaxed));
    for byte in bytes.by_ref() {
        if byte == b'*' {
            break;
        }
        sum ^= byte;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(16);
    let high = bytes.next().map_or(16, digit);
    let low = bytes.next().map_or(16, digit);
    high * 16 + low == u32::from(sum)
}

fn parse(length: usize, sequence: u32) -> ring::Fix {
    ring::Fix {
        sequence,
        latitude: decimal(field(length, 3), 4),
        longitude: -decimal(field(length, 5), 4),
        altitude: 0,
        speed: decimal(field(length, 7), 2).wrapping_mul(514) / 100,
        course: decimal(field(length, 8), 2),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn gps_main() -> ! {
    configure();
    loop {
        let sequence = SEQUENCE.fetch_add(1, Relaxed);
        let length = receive_line(RECORDING[sequence as usize % RECORDING.len()]);
        if checksum_fits(length) {
            let (start, size) = ring::write(&parse(length, sequence));
            calls::send(start, size);
        } else {
            REJECTED.fetch_add(1, Relaxed);
        }
        calls::yield_now();
    }
}
