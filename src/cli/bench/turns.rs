//! Trains two variants alternately on this thread, in turns. The time is processor time, so that other programs disturb
//! both equally.

use super::screen::{cpu, median};
use crate::lab::lane::Pace;
use crate::lab::run::Run;
use crate::telemetry::Event;
use std::time::Instant;

/// Number of pairs of measured periods, and the seconds of a period.
const PAIRS: usize = 20;
const STRETCH: f64 = 0.2;
/// Seconds of a turn, as in the lab.
pub const TURN: f64 = 0.006;

/// The pace of turns by the clock.
pub struct TurnClock {
    start: Instant,
    until: f64,
}

impl TurnClock {
    /// A turn of this many seconds.
    pub fn new(until: f64) -> Self {
        Self { start: Instant::now(), until }
    }
}

impl Pace for TurnClock {
    fn soon(&self) -> bool {
        true
    }
    fn over(&self) -> bool {
        self.seconds() >= self.until
    }
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// Trains for one period and passes the events of every turn to `on_events`; returns seconds of processor time per step.
pub fn stretch(run: &mut Run, on_events: &mut dyn FnMut(Vec<Event>)) -> f64 {
    let (begun, before) = (cpu(), run.total_steps());
    while cpu() - begun < STRETCH {
        let Some(mut turn) = run.take() else { break };
        let news = turn.lane.play(&turn.plan, &mut TurnClock::new(TURN));
        run.give_back(turn.lane, news);
        on_events(run.take_events());
    }
    (cpu() - begun) / (run.total_steps() - before).max(1) as f64
}

/// Runs both variants alternately, after one period of each that is not counted; returns the median of the first
/// variant's seconds, and the median of the ratio of the second to the first.
pub fn pairs(first: &mut dyn FnMut() -> f64, second: &mut dyn FnMut() -> f64) -> (f64, f64) {
    first();
    second();
    let (mut each, mut ratios) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let (one, other) = if pair % 2 == 0 {
            let one = first();
            (one, second())
        } else {
            let other = second();
            (first(), other)
        };
        each.push(one);
        ratios.push(other / one);
    }
    (median(each), median(ratios))
}
