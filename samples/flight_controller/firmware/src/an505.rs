//! The AN505's second gate in front of its devices.

/// Lets unprivileged code at the devices that the layouts grant, timer 0 and UART 0.
///
/// The board's peripheral protection controllers shut every device to unprivileged code at reset: reads give zero and
/// writes are lost, whatever the MPU says. Registers APBSPPPC0 and APBSPPPCEXP1 of the Secure Privilege Control block
/// (Arm ECM 0601256) hold a bit for each device.
pub fn open_granted_devices() {
    const TIMER0: (*mut u32, u32) = (0x5008_00B0 as *mut u32, 1 << 0);
    const UART0: (*mut u32, u32) = (0x5008_00C4 as *mut u32, 1 << 5);
    for (register, port) in [TIMER0, UART0] {
        // SAFETY: a register of the board that no partition is granted.
        unsafe { register.write_volatile(register.read_volatile() | port) };
    }
}
