//! A component without constants or variables, so that its partition takes as few slots as one can: it yields as often
//! as it is told to.
#![no_std]

#[path = "../../../samples/switch_tcb/calls.rs"]
mod calls;

const NEXT: u32 = 0x100;
const DONE: u32 = 0x101;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    calls::fault(1)
}

/// Asks for work, as the prober does; all that it knows is to yield.
#[unsafe(no_mangle)]
pub extern "C" fn prober_main() -> ! {
    loop {
        let [operation, _, count] = calls::call(NEXT, [0; 3]);
        if operation == 0 {
            calls::yield_now();
        } else {
            for _ in 0..count {
                calls::yield_now();
            }
            calls::call(DONE, [count, 0, 0]);
        }
    }
}
