//! What the emulator offers to privileged code: the command line, text, an exit status.

use core::arch::asm;

const OPEN: u32 = 0x01;
const WRITE0: u32 = 0x04;
const WRITE: u32 = 0x05;
const GET_CMDLINE: u32 = 0x15;
const EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x20026;

#[cfg(target_arch = "arm")]
fn call(operation: u32, argument: *const u32) -> u32 {
    let result;
    // SAFETY: a breakpoint that the emulator takes for itself; `argument` points to what the operation expects.
    unsafe { asm!("bkpt 0xab", inout("r0") operation => result, in("r1") argument, options(nostack)) };
    result
}

/// The same on RISC-V: three instructions that must stand together, uncompressed and in one page.
#[cfg(target_arch = "riscv32")]
fn call(operation: u32, argument: *const u32) -> u32 {
    let result;
    // SAFETY: as on Arm.
    unsafe {
        asm!(
            ".option push",
            ".option norvc",
            ".balign 16",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") argument,
            options(nostack),
        );
    }
    result
}

/// Writes `text`, which ends with a zero byte.
pub fn write(text: &core::ffi::CStr) {
    call(WRITE0, text.as_ptr().cast());
}

/// Writes bytes as they are to the emulator's standard output.
#[allow(dead_code, reason = "the sample prints text; the test firmware that shares this file sends a block")]
pub fn write_block(start: *const u8, length: u32) {
    let name = b":tt\0";
    let mode_w = 4;
    let handle = call(OPEN, core::hint::black_box(&[name.as_ptr() as u32, mode_w, name.len() as u32 - 1]).as_ptr());
    call(WRITE, core::hint::black_box(&[handle, start as u32, length]).as_ptr());
}

/// Ends the emulation.
pub fn exit(code: u32) -> ! {
    call(EXIT_EXTENDED, [APPLICATION_EXIT, code].as_ptr());
    loop {
        core::hint::spin_loop();
    }
}

/// Whether the emulator was given `word` as an argument.
pub fn asked_for(word: &[u8]) -> bool {
    let mut line = [0_u8; 128];
    let block = [line.as_mut_ptr() as u32, line.len() as u32];
    // Read back through the pointer: the emulator writes both without the compiler's knowledge.
    let failed = call(GET_CMDLINE, core::hint::black_box(&block).as_ptr());
    let line = core::hint::black_box(&line);
    failed == 0 && line.split(|&byte| byte == b' ' || byte == 0).any(|argument| argument == word)
}

/// A line of text that is put together without an allocator.
pub struct Line {
    bytes: [u8; 120],
    length: usize,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self { bytes: [0; 120], length: 0 }
    }

    /// Writes the line out.
    pub fn print(&mut self) {
        self.bytes[self.length] = b'\n';
        self.bytes[self.length + 1] = 0;
        if let Ok(text) = core::ffi::CStr::from_bytes_until_nul(&self.bytes) {
            write(text);
        }
        self.length = 0;
    }
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for &byte in text.as_bytes() {
            // Two bytes stay free for the end of the line.
            if self.length < self.bytes.len() - 2 {
                self.bytes[self.length] = byte;
                self.length += 1;
            }
        }
        Ok(())
    }
}
