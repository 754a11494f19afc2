//! Timing by repetition, on a machine that also runs other programs.

use std::time::Instant;

/// Seconds of one call: the best of a few rounds that take about `budget` seconds together.
///
/// The best round is the one with the least disturbance.
pub fn seconds(budget: f64, mut work: impl FnMut()) -> f64 {
    const ROUNDS: u32 = 5;
    let share = budget / f64::from(ROUNDS);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (start, mut calls) = (Instant::now(), 0);
        let each = loop {
            work();
            calls += 1;
            let passed = start.elapsed().as_secs_f64();
            if passed >= share {
                break passed / f64::from(calls);
            }
        };
        best = best.min(each);
    }
    best
}
