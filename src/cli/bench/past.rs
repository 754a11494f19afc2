//! The cost of looking back: what keeping states takes of training, and how long any step takes to be shown again.
//!
//! Two runs train by turns on this thread, one of which keeps states, and the time is that of the processor: other programs
//! disturb both alike.

use super::screen::{cpu, median};
use crate::engine::data::NoFiles;
use crate::engine::rng::{Purpose, Stream};
use crate::lab::experiment::Experiment;
use crate::lab::lane::Pace;
use crate::lab::run::{Reruns, Run};
use crate::limits;
use crate::telemetry::Command;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// Pairs of stretches of training, and their seconds.
const PAIRS: usize = 20;
const STRETCH: f64 = 0.2;
/// Seconds of a turn, as in the lab.
const TURN: f64 = 0.006;
/// Steps that are gone back to.
const JUMPS: usize = 200;

/// The cost of looking back at a run.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// The scenario.
    pub scenario: String,
    /// Steps a second of all lanes together, without states being kept.
    pub steps_per_second: f64,
    /// The share of training that keeping them costs, in percent; the median of pairs.
    pub percent: f64,
    /// Steps of the run that is looked back at.
    pub steps: u64,
    /// Mebibytes of its states.
    pub mebibytes: f64,
    /// Milliseconds until a random step of a lane is made again; the median, and the longest.
    pub one_ms: f64,
    /// The longest of them.
    pub one_worst_ms: f64,
    /// Milliseconds until it is made again in all lanes; the median, and the longest.
    pub all_ms: f64,
    /// The longest of them.
    pub all_worst_ms: f64,
}

/// Turns by the clock.
struct Clock {
    start: Instant,
    until: f64,
}

impl Clock {
    fn new(until: f64) -> Self {
        Self { start: Instant::now(), until }
    }
}

impl Pace for Clock {
    fn step(&mut self) {}
    fn due(&mut self) -> bool {
        false
    }
    fn soon(&self) -> bool {
        true
    }
    fn shown(&mut self) {}
    fn over(&self) -> bool {
        self.seconds() >= self.until
    }
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// Trains for so many seconds; seconds of processor time a step.
fn stretch(run: &mut Run, seconds: f64) -> f64 {
    let (begun, before) = (cpu(), run.total_steps());
    while cpu() - begun < seconds {
        let Some(mut turn) = run.take() else { break };
        let news = turn.lane.play(&turn.plan, &mut Clock::new(TURN));
        run.give_back(turn.lane, news);
        run.take_events();
    }
    (cpu() - begun) / (run.total_steps() - before).max(1) as f64
}

/// Measures a scenario; `steps`: the length of the run that is looked back at, by default the scenario's.
///
/// # Errors
/// If the experiment cannot be built.
pub fn of(
    scenario: &str,
    experiment: &dyn Fn() -> anyhow::Result<Experiment>,
    steps: Option<u64>,
) -> anyhow::Result<Cost> {
    let begun = |budget: usize, end: Option<u64>| -> anyhow::Result<Run> {
        let mut run = Run::new(experiment()?, end, Arc::new(NoFiles));
        run.remember(budget);
        run.apply(Command::Run);
        Ok(run)
    };
    let (mut plain, mut kept) =
        (begun(0, Some(u64::MAX / 2))?, begun(limits::LOOK_BACK, Some(u64::MAX / 2))?);
    stretch(&mut plain, STRETCH);
    stretch(&mut kept, STRETCH);
    let (mut ratios, mut each) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let both = if pair % 2 == 0 {
            let first = stretch(&mut plain, STRETCH);
            (first, stretch(&mut kept, STRETCH))
        } else {
            let first = stretch(&mut kept, STRETCH);
            (stretch(&mut plain, STRETCH), first)
        };
        ratios.push(both.1 / both.0);
        each.push(both.0);
    }
    drop((plain, kept));

    let mut run = begun(limits::LOOK_BACK, steps)?;
    while let Some(mut turn) = run.take() {
        let news = turn.lane.play(&turn.plan, &mut Clock::new(TURN));
        run.give_back(turn.lane, news);
        run.take_events();
        run.take_lines();
    }
    let end = run.foremost();
    let (mut reruns, mut draws) = (Reruns::default(), Stream::new(1, Purpose::Shuffle, 0, 0));
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..JUMPS {
        run.apply(Command::Look(Some(u64::from(draws.below(end.min(u64::from(u32::MAX)) as u32)))));
        let (start, mut seen) = (cpu(), Vec::new());
        while let Some(recall) = run.recall(&seen) {
            let lane = cpu();
            recall.make(&mut reruns, &mut Clock::new(f64::INFINITY)).map_err(anyhow::Error::msg)?;
            one.push(1e3 * (cpu() - lane));
            seen.push(recall.seen);
        }
        all.push(1e3 * (cpu() - start));
    }
    let worst = |ms: &[f64]| ms.iter().copied().fold(0.0, f64::max);
    Ok(Cost {
        scenario: scenario.into(),
        steps_per_second: 1.0 / median(each),
        percent: 100.0 * (median(ratios) - 1.0),
        steps: end,
        mebibytes: run.kept_bytes() as f64 / f64::from(1 << 20),
        one_worst_ms: worst(&one),
        one_ms: median(one),
        all_worst_ms: worst(&all),
        all_ms: median(all),
    })
}
