//! The cost of looking back: the share of training that keeping states takes, and the time until an earlier step can be
//! shown.
//!
//! Two runs train in turn on this thread, and one of them keeps states. The time is processor time, so that other
//! programs disturb both equally.

use super::screen::{cpu, median};
use super::turns::{TURN, TurnClock, pairs, stretch};
use crate::engine::data::NoFiles;
use crate::engine::rng::{Purpose, Stream};
use crate::lab::experiment::Experiment;
use crate::lab::run::{Reruns, Run};
use crate::limits;
use crate::telemetry::Command;
use serde::Serialize;
use std::sync::Arc;

/// Number of earlier steps that are shown.
const JUMPS: usize = 200;

/// The cost of looking back at a run.
#[derive(Clone, Debug, Serialize)]
pub struct PastCost {
    /// The scenario.
    pub scenario: String,
    /// Steps a second of all lanes together, without states being kept.
    pub steps_per_second: f64,
    /// The share of training time spent on keeping them, in percent; the median of pairs.
    pub percent: f64,
    /// Length of the run whose steps are shown.
    pub steps: u64,
    /// Mebibytes of its states.
    pub mebibytes: f64,
    /// Milliseconds until a random step of a lane is trained again; the median.
    pub one_ms: f64,
    /// The longest of these times.
    pub one_worst_ms: f64,
    /// Milliseconds until it is trained again in all lanes; the median.
    pub all_ms: f64,
    /// The longest of these times.
    pub all_worst_ms: f64,
}

/// Measures a scenario; `steps`: the length of the run, by default the scenario's.
///
/// # Errors
/// If the experiment cannot be built.
pub fn of(
    scenario: &str,
    experiment: &dyn Fn() -> anyhow::Result<Experiment>,
    steps: Option<u64>,
) -> anyhow::Result<PastCost> {
    let begun = |budget: usize, end: Option<u64>| -> anyhow::Result<Run> {
        let mut run = Run::new(experiment()?, end, Arc::new(NoFiles));
        run.remember(budget);
        run.apply(Command::Run);
        Ok(run)
    };
    let (mut plain, mut kept) =
        (begun(0, Some(u64::MAX / 2))?, begun(limits::LOOK_BACK, Some(u64::MAX / 2))?);
    let (each, ratios) =
        pairs(&mut || stretch(&mut plain, &mut |_| {}), &mut || stretch(&mut kept, &mut |_| {}));
    drop((plain, kept));

    let mut run = begun(limits::LOOK_BACK, steps)?;
    while let Some(mut turn) = run.take() {
        let news = turn.lane.play(&turn.plan, &mut TurnClock::new(TURN));
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
            recall.make(&mut reruns, &mut TurnClock::new(f64::INFINITY)).map_err(anyhow::Error::msg)?;
            one.push(1e3 * (cpu() - lane));
            seen.push(recall.seen);
        }
        all.push(1e3 * (cpu() - start));
    }
    let worst = |ms: &[f64]| ms.iter().copied().fold(0.0, f64::max);
    Ok(PastCost {
        scenario: scenario.into(),
        steps_per_second: 1.0 / each,
        percent: 100.0 * (ratios - 1.0),
        steps: end,
        mebibytes: run.kept_bytes() as f64 / f64::from(1 << 20),
        one_worst_ms: worst(&one),
        one_ms: median(one),
        all_worst_ms: worst(&all),
        all_ms: median(all),
    })
}
