//! Motor mixer (verified): on each timer interrupt one PID step per axis, mixed to four motors.
//! Set points and outputs are thousandths of full scale.
#![no_std]

#[cfg_attr(target_arch = "arm", path = "mps2.rs")]
#[cfg_attr(target_arch = "riscv32", path = "virt.rs")]
mod board;
#[path = "../../switch_tcb/calls.rs"]
mod calls;
#[path = "panic.rs"]
mod panic;

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};

/// Contribution of roll, pitch and yaw to each motor of a quadrotor in X, in 64ths.
#[used]
static MIX: [[i8; 3]; 4] = [[-64, 64, -64], [-64, -64, 64], [64, 64, 64], [64, -64, -64]];

/// Stick positions of a flown figure: roll, pitch, yaw, throttle.
static FIGURE: [[i16; 4]; 8] = [
    [0, 0, 0, 500],
    [100, 0, 0, 520],
    [200, 50, 0, 540],
    [200, 100, 50, 550],
    [100, 150, 100, 550],
    [0, 100, 50, 540],
    [-100, 50, 0, 520],
    [0, 0, 0, 500],
];

/// Gains in 256ths, in `.data`: a ground station would tune them.
#[used]
static GAINS: [[AtomicI32; 3]; 3] = [
    [AtomicI32::new(180), AtomicI32::new(12), AtomicI32::new(40)],
    [AtomicI32::new(180), AtomicI32::new(12), AtomicI32::new(40)],
    [AtomicI32::new(220), AtomicI32::new(9), AtomicI32::new(0)],
];

static INTEGRAL: [AtomicI32; 3] = [const { AtomicI32::new(0) }; 3];
static LAST_ERROR: [AtomicI32; 3] = [const { AtomicI32::new(0) }; 3];
static RATE: [AtomicI32; 3] = [const { AtomicI32::new(0) }; 3];
#[used]
static MOTORS: [AtomicI32; 4] = [const { AtomicI32::new(0) }; 4];
static TICKS: AtomicU32 = AtomicU32::new(0);

fn pid(axis: usize, target: i32) -> i32 {
    let rate = RATE[axis].load(Relaxed);
    let error = target - rate;
    let integral = (INTEGRAL[axis].load(Relaxed) + error).clamp(-4_000, 4_000);
    INTEGRAL[axis].store(integral, Relaxed);
    let slope = error - LAST_ERROR[axis].swap(error, Relaxed);
    let [p, i, d] = &GAINS[axis];
    let output = (p.load(Relaxed) * error + i.load(Relaxed) * integral + d.load(Relaxed) * slope) >> 8;
    // The airframe answers with a lag: a first-order model stands in for the gyro.
    RATE[axis].store(rate + (output - rate) / 8, Relaxed);
    output
}

fn step() {
    let tick = TICKS.fetch_add(1, Relaxed);
    let stick = &FIGURE[(tick / 16) as usize % FIGURE.len()];
    let demand = [0, 1, 2].map(|axis| pid(axis, i32::from(stick[axis])));
    for (motor, mix) in MOTORS.iter().zip(&MIX) {
        let turn: i32 = demand.iter().zip(mix).map(|(axis, &share)| axis * i32::from(share)).sum();
        motor.store((i32::from(stick[3]) + (turn >> 6)).clamp(0, 1_000), Relaxed);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mixer_main() -> ! {
    board::timer::start();
    loop {
        calls::wait();
        board::timer::acknowledge();
        step();
    }
}
