//! The cost of the diagnosis: the share of training that the rules take, and their time per measured step.
//!
//! Two runs train in turn on this thread. All lanes of one of them are judged as often as the lab does it at most: ten
//! times a second, after new numbers.

use super::screen::cpu;
use super::turns::{pairs, stretch};
use crate::diagnosis::{LaneMeasurements, signals};
use crate::engine::data::NoFiles;
use crate::lab::experiment::Experiment;
use crate::lab::run::Run;
use crate::telemetry::{Command, Event, LaneId, LaneInfo, Phase};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;

/// The cost of judging a run.
#[derive(Clone, Debug, Serialize)]
pub struct JudgingCost {
    /// The scenario.
    pub scenario: String,
    /// Steps a second of all lanes together, without being judged.
    pub steps_per_second: f64,
    /// The share of training time spent on judging, in percent; the median of pairs.
    pub percent: f64,
    /// Measured steps that were judged, of all lanes together.
    pub measured: u64,
    /// Microseconds of all judgements and of collecting their facts, divided by the measured steps of all lanes.
    pub step_us: f64,
    /// Number of judgements of a lane.
    pub judged: u64,
    /// Microseconds of one judgement, collecting its facts included.
    pub judged_us: f64,
}

/// Seconds between two judgements of a lane.
const EVERY: f64 = 0.1;

/// A lane and the facts by which it is judged.
type LaneFacts = (LaneInfo, LaneMeasurements);

/// Measures a scenario.
///
/// # Errors
/// If the experiment cannot be built.
pub fn of(
    scenario: &str,
    experiment: &dyn Fn() -> anyhow::Result<Experiment>,
) -> anyhow::Result<JudgingCost> {
    let begun = || -> anyhow::Result<Run> {
        let mut run = Run::new(experiment()?, Some(u64::MAX / 2), Arc::new(NoFiles));
        run.remember(0);
        run.apply(Command::Run);
        Ok(run)
    };
    let (mut plain, mut watched) = (begun()?, begun()?);
    let mut lanes: BTreeMap<LaneId, LaneFacts> = BTreeMap::new();
    let (mut measured, mut judged, mut seconds) = (0_u64, 0_u64, 0.0);
    let (mut new, mut last) = (BTreeSet::new(), f64::NEG_INFINITY);
    let mut judge = |events: Vec<Event>| {
        let start = cpu();
        for event in &events {
            match event {
                Event::Started { lane, info, .. } => {
                    lanes.insert(*lane, ((**info).clone(), LaneMeasurements::default()));
                }
                Event::Marked { lane, .. } | Event::Evaluated { lane, .. } | Event::Probed { lane, .. } => {
                    let Some((_, measurements)) = lanes.get_mut(lane) else { continue };
                    measurements.apply(event);
                    measured += u64::from(matches!(event, Event::Marked { .. }));
                    new.insert(*lane);
                }
                _ => {}
            }
        }
        if start - last >= EVERY {
            last = start;
            for (info, measurements) in std::mem::take(&mut new).iter().filter_map(|lane| lanes.get(lane)) {
                black_box(signals(measurements.facts(info, &Phase::Running, None)));
                judged += 1;
            }
        }
        seconds += cpu() - start;
    };
    let (each, ratio) =
        pairs(&mut || stretch(&mut plain, &mut |_| {}), &mut || stretch(&mut watched, &mut judge));
    Ok(JudgingCost {
        scenario: scenario.into(),
        steps_per_second: 1.0 / each,
        percent: 100.0 * (ratio - 1.0),
        measured,
        step_us: 1e6 * seconds / measured.max(1) as f64,
        judged,
        judged_us: 1e6 * seconds / judged.max(1) as f64,
    })
}
