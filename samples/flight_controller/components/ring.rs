//! The `ring` share: fixes of the GPS driver, in slots that the driver fills in turn. The reader owns none of it.
#![allow(dead_code)] // the writer and the reader use one half each

unsafe extern "C" {
    static mut __lp_shared_ring_start: u8;
    static mut __lp_shared_ring_end: u8;
}

/// One position fix. `course` in centidegrees, `speed` in millimetres per second, position in 1e-7 degrees.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Fix {
    pub sequence: u32,
    pub latitude: i32,
    pub longitude: i32,
    pub altitude: i32,
    pub speed: i32,
    pub course: i32,
}

const SIZE: u32 = size_of::<Fix>() as u32;

fn bounds() -> (u32, u32) {
    ((&raw const __lp_shared_ring_start) as u32, (&raw const __lp_shared_ring_end) as u32)
}

/// Writes `fix` into the slot of its sequence number; returns the slot's start and length in bytes.
pub fn write(fix: &Fix) -> (u32, u32) {
    let (start, end) = bounds();
    let slot = start + fix.sequence % ((end - start) / SIZE) * SIZE;
    // SAFETY: the slot lies inside the share, which the layout grants this partition for writing and aligns to four
    // bytes at least; readers look only after `send`.
    unsafe { (slot as *mut Fix).write_volatile(*fix) };
    (slot, SIZE)
}

/// The fix at `start`, when that is a slot of the share. The writer is untrusted: what it sends is checked here too.
pub fn read(start: u32, length: u32) -> Option<Fix> {
    let (low, high) = bounds();
    let inside = start >= low && start <= high - SIZE && length == SIZE && start.is_multiple_of(4);
    // SAFETY: the slot lies inside the share, which the layout grants this partition for reading; any bytes are a Fix.
    inside.then(|| unsafe { (start as *const Fix).read_volatile() })
}
