//! The devices of Arm's MPS2 boards that the sample uses: a CMSDK APB timer and a CMSDK APB UART.
//!
//! The AN505 image has the same devices at Secure addresses; `rebuild.sh` sets `armv8m` for it, because stable Rust
//! shows both boards as `target_arch = "arm"`.
#![allow(dead_code)] // the mixer has the timer, the driver the UART

/// CMSDK APB timer 0: CTRL, VALUE, RELOAD, INTCLEAR.
pub mod timer {
    const TIMER: *mut u32 = if cfg!(armv8m) { 0x5000_0000 } else { 0x4000_0000 } as *mut u32;
    /// Counts at 25 MHz (AN385) or 20 MHz (AN505).
    const PERIOD: u32 = 2_500;

    /// Interrupts once a period from now on.
    pub fn start() {
        // SAFETY: the layout grants the timer's registers to this partition and to no other; offsets 0 and 8 are CTRL
        // and RELOAD.
        unsafe {
            TIMER.add(2).write_volatile(PERIOD);
            TIMER.write_volatile(0b1001); // enable, interrupt enable
        }
    }

    /// Takes the interrupt back; the timer runs on by itself.
    pub fn acknowledge() {
        // SAFETY: as above; offset 12 is INTCLEAR.
        unsafe { TIMER.add(3).write_volatile(1) };
    }
}

/// CMSDK APB UART 0: DATA, STATE, CTRL, INTSTATUS, BAUDDIV.
pub mod uart {
    const UART: *mut u32 = if cfg!(armv8m) { 0x5020_0000 } else { 0x4000_4000 } as *mut u32;
    const CLOCK: u32 = if cfg!(armv8m) { 20_000_000 } else { 25_000_000 };

    /// Sets the rate in bits a second, and lets the UART send and receive.
    pub fn start(rate: u32) {
        // SAFETY: the layout grants the UART's registers to this partition and to no other; offset 8 is CTRL, 16 is
        // BAUDDIV.
        unsafe {
            UART.add(4).write_volatile(CLOCK / rate);
            UART.add(2).write_volatile(0b11);
        }
    }

    /// Sends a byte when there is room for it.
    pub fn send(byte: u8) {
        // SAFETY: as above; offset 0 is DATA, 4 is STATE, whose bit 0 says that the transmitter is full.
        unsafe {
            while UART.add(1).read_volatile() & 1 != 0 {}
            UART.write_volatile(u32::from(byte));
        }
    }
}
