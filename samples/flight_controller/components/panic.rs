//! What a panic does in every component of the sample: the partition's fault policy decides.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::calls::fault(u32::from_be_bytes(*b"PANC"))
}
