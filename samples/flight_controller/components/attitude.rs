//! Attitude estimator (verified): a complementary filter over gyro and accelerometer samples, corrected by the course
//! that the GPS driver leaves in the `ring` share. Angles are centidegrees, rates centidegrees per second.
#![no_std]

#[path = "../../switch_tcb/calls.rs"]
mod calls;
#[path = "panic.rs"]
mod panic;
#[path = "ring.rs"]
mod ring;

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};

/// Gyro and accelerometer samples of one manoeuvre, as a recorded flight would be replayed: roll rate, pitch rate, yaw
/// rate, roll from gravity, pitch from gravity.
static SAMPLES: [[i16; 5]; 16] = [
    [120, -40, 8, 10, -5],
    [180, -60, 12, 30, -12],
    [240, -90, 20, 55, -20],
    [260, -110, 33, 80, -31],
    [230, -95, 41, 104, -40],
    [170, -70, 44, 121, -46],
    [80, -30, 40, 129, -49],
    [0, 0, 31, 129, -49],
    [-80, 30, 20, 121, -46],
    [-170, 70, 10, 104, -39],
    [-230, 95, 2, 81, -30],
    [-260, 110, -5, 55, -19],
    [-240, 90, -11, 31, -10],
    [-180, 60, -14, 13, -4],
    [-120, 40, -12, 1, 0],
    [-60, 20, -6, -5, 2],
];

/// Share of the gyro in the filter, in 256ths; calibrated values live in `.data` because the filter adapts them.
#[used]
static GYRO_WEIGHT: AtomicI32 = AtomicI32::new(250);
#[used]
static GYRO_BIAS: [AtomicI32; 3] = [AtomicI32::new(3), AtomicI32::new(-2), AtomicI32::new(1)];

#[used]
static ANGLES: [AtomicI32; 3] = [const { AtomicI32::new(0) }; 3];
#[used]
static HISTORY: [AtomicI32; 32] = [const { AtomicI32::new(0) }; 32];
static STEPS: AtomicU32 = AtomicU32::new(0);

fn filter(angle: i32, rate: i32, gravity: i32, weight: i32) -> i32 {
    let predicted = angle + rate / 100;
    (predicted * weight + gravity * (256 - weight)) >> 8
}

fn step(course: Option<i32>) {
    let step = STEPS.fetch_add(1, Relaxed);
    let sample = &SAMPLES[step as usize % SAMPLES.len()];
    let weight = GYRO_WEIGHT.load(Relaxed);
    for axis in 0..2 {
        let rate = i32::from(sample[axis]) - GYRO_BIAS[axis].load(Relaxed);
        let gravity = i32::from(sample[3 + axis]);
        let angle = filter(ANGLES[axis].load(Relaxed), rate, gravity, weight);
        ANGLES[axis].store(angle, Relaxed);
        // The bias follows what the two sensors disagree about, slowly.
        GYRO_BIAS[axis].fetch_add((angle - gravity).signum(), Relaxed);
    }
    let yaw = ANGLES[2].load(Relaxed) + (i32::from(sample[2]) - GYRO_BIAS[2].load(Relaxed)) / 100;
    ANGLES[2].store(course.map_or(yaw, |course| (yaw * 7 + course) / 8), Relaxed);
    HISTORY[step as usize % HISTORY.len()].store(yaw, Relaxed);
}

#[unsafe(no_mangle)]
pub extern "C" fn attitude_main() -> ! {
    loop {
        let (start, length) = calls::receive();
        step(ring::read(start, length).map(|fix| fix.course));
    }
}
