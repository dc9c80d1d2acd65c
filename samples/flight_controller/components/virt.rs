//! The devices of QEMU's riscv32 virt machine that the sample uses: the alarm of a Goldfish RTC, and a 16550 UART.
#![allow(dead_code)] // the mixer has the timer, the driver the UART

/// Goldfish RTC: TIME_LOW, TIME_HIGH, ALARM_LOW, ALARM_HIGH, IRQ_ENABLED, CLEAR_ALARM, ALARM_STATUS, CLEAR_INTERRUPT.
/// It has one alarm at a time, in nanoseconds.
pub mod timer {
    const RTC: *mut u32 = 0x0010_1000 as *mut u32;
    const PERIOD: u64 = 50_000;

    /// Interrupts a period from now.
    fn arm() {
        // SAFETY: the layout grants the RTC's registers to this partition and to no other; offsets 0, 4, 8 and 12 are
        // TIME_LOW, TIME_HIGH, ALARM_LOW and ALARM_HIGH. Reading the low half holds the high half still; writing the low
        // half sets the alarm, so it comes last.
        unsafe {
            let low = RTC.read_volatile();
            let now = u64::from(RTC.add(1).read_volatile()) << 32 | u64::from(low);
            let alarm = now + PERIOD;
            RTC.add(3).write_volatile((alarm >> 32) as u32);
            RTC.add(2).write_volatile(alarm as u32);
        }
    }

    /// Interrupts a period from now, and again a period after each [`acknowledge`].
    pub fn start() {
        // SAFETY: as above; offset 16 is IRQ_ENABLED.
        unsafe { RTC.add(4).write_volatile(1) };
        arm();
    }

    /// Takes the interrupt back and asks for the next one.
    pub fn acknowledge() {
        // SAFETY: as above; offset 28 is CLEAR_INTERRUPT.
        unsafe { RTC.add(7).write_volatile(1) };
        arm();
    }
}

/// 16550, a byte each: THR (DLL, DLM while LCR.DLAB is set), IER, FCR, LCR, MCR, LSR.
pub mod uart {
    const UART: *mut u8 = 0x1000_0000 as *mut u8;
    const CLOCK: u32 = 3_686_400;

    /// Sets the rate in bits a second.
    pub fn start(rate: u32) {
        let [low, high, ..] = (CLOCK / 16 / rate).to_le_bytes();
        // SAFETY: the layout grants the UART's registers to this partition and to no other; offset 3 is LCR, 0 and 1
        // are DLL and DLM.
        unsafe {
            UART.add(3).write_volatile(0x80); // DLAB
            UART.write_volatile(low);
            UART.add(1).write_volatile(high);
            UART.add(3).write_volatile(0b11); // eight bits, no parity
        }
    }

    /// Sends a byte when there is room for it.
    pub fn send(byte: u8) {
        // SAFETY: as above; offset 0 is THR, 5 is LSR, whose bit 5 says that the transmitter is empty.
        unsafe {
            while UART.add(5).read_volatile() & 1 << 5 == 0 {}
            UART.write_volatile(byte);
        }
    }
}
