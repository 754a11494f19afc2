//! The cost of the screen: the time for a frame, its bytes, and the loss of training speed.
//!
//! The measurement runs the lab's own app at its own rates and full training speed; frames are drawn and encoded, but
//! not sent to a terminal. Neither run has a directory.

use crate::engine::data::NoFiles;
use crate::lab::experiment::Experiment;
use crate::lab::outcome::Standings;
use crate::lab::run::Run;
use crate::lab::runner::Runner;
use crate::telemetry::Command;
use crate::ui::rehearsal::Rehearsal;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds of training for each measurement.
const BUDGET: f64 = 1.5;
/// Measurements with and without the screen, in turns.
const ROUNDS: usize = 3;
/// Time between two readings of the events, as on a terminal.
const EVENTS: Duration = Duration::from_millis(25);
/// Sizes of the screen.
pub const SIZES: [(u16, u16); 2] = [(120, 40), (200, 60)];

/// The cost of the screen at one size.
#[derive(Clone, Debug, Serialize)]
pub struct ScreenCost {
    /// The scenario.
    pub scenario: String,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Milliseconds of CPU for a frame during training, in which most panes are not redrawn; the mean.
    pub frame_ms: f64,
    /// Milliseconds of CPU for a frame with every pane redrawn, as after a key; the mean.
    pub whole_ms: f64,
    /// Frames a second.
    pub pictures_per_second: f64,
    /// Kilobytes a second for the terminal, after the first frame.
    pub kilobytes_per_second: f64,
    /// Steps a second of all lanes together, without a screen.
    pub alone: f64,
    /// The same with a screen.
    pub watched: f64,
    /// Loss of training speed in percent.
    pub percent: f64,
}

/// Measures a scenario on a screen of this size.
///
/// # Errors
/// If the system cannot start a thread.
pub fn of(
    scenario: &str,
    experiment: &dyn Fn() -> anyhow::Result<Experiment>,
    (width, height): (u16, u16),
    threads: Option<usize>,
) -> anyhow::Result<ScreenCost> {
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    let mut shown = ScreenUsage::default();
    for _ in 0..ROUNDS {
        alone.push(without(experiment()?, threads)?);
        let (rate, round) = with(experiment()?, (width, height), threads)?;
        watched.push(rate);
        shown.add(&round);
    }
    let (alone, watched) = (median(alone), median(watched));
    let seconds = ROUNDS as f64 * BUDGET;
    Ok(ScreenCost {
        scenario: scenario.into(),
        width,
        height,
        frame_ms: 1e3 * shown.drawing / f64::from(shown.pictures.max(1)),
        whole_ms: 1e3 * shown.whole / f64::from(shown.wholes.max(1)),
        pictures_per_second: f64::from(shown.pictures) / seconds,
        kilobytes_per_second: shown.bytes as f64 / 1e3 / seconds,
        alone,
        watched,
        percent: 100.0 * (1.0 - watched / alone),
    })
}

/// The median.
pub(super) fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Steps a second of a run that only reports its progress, as `run` trains.
fn without(experiment: Experiment, threads: Option<usize>) -> anyhow::Result<f64> {
    let mut standings = Standings::default();
    let runner = started(experiment, threads)?;
    runner.send(Command::Run);
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < BUDGET {
        runner.wait(Duration::from_millis(100));
        runner.drain().iter().for_each(|event| standings.apply(event));
    }
    let steps: u64 = standings.lanes.iter().map(|l| l.step).sum();
    Ok(steps as f64 / start.elapsed().as_secs_f64())
}

/// A run without a last step and without a pace.
fn started(experiment: Experiment, threads: Option<usize>) -> anyhow::Result<Runner> {
    Ok(Runner::start(Run::new(experiment, Some(u64::MAX / 2), Arc::new(NoFiles)), threads, None, false)?)
}

/// The resources used by a screen.
#[derive(Clone, Copy, Debug, Default)]
struct ScreenUsage {
    pictures: u32,
    /// Seconds of CPU.
    drawing: f64,
    bytes: usize,
    wholes: u32,
    whole: f64,
}

impl ScreenUsage {
    fn add(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.drawing += other.drawing;
        self.bytes += other.bytes;
        self.wholes += other.wholes;
        self.whole += other.whole;
    }
}

/// Steps a second of a run with the screen.
fn with(
    experiment: Experiment,
    size: (u16, u16),
    threads: Option<usize>,
) -> anyhow::Result<(f64, ScreenUsage)> {
    let mut lab = Rehearsal::new(experiment.scenario.clone(), size);
    let runner = started(experiment, threads)?;
    let mut shown = ScreenUsage::default();
    runner.send(Command::Run);
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < BUDGET {
        std::thread::sleep(EVENTS);
        let now = start.elapsed();
        lab.on_events(runner.drain(), now, &mut |command| runner.send(command));
        if lab.due(now) {
            let begun = cpu();
            let bytes = lab.draw(now);
            shown.drawing += cpu() - begun;
            // The first frame is complete; later ones are differences.
            shown.bytes += if shown.pictures > 0 { bytes } else { 0 };
            shown.pictures += 1;
        }
    }
    let rate = lab.steps() as f64 / start.elapsed().as_secs_f64();
    // Training has ended: in these frames every pane is redrawn, as after a key.
    runner.send(Command::Quit);
    for _ in 0..20 {
        lab.touch();
        let begun = cpu();
        lab.draw(start.elapsed());
        shown.whole += cpu() - begun;
        shown.wholes += 1;
    }
    Ok((rate, shown))
}

/// Seconds of CPU of this thread.
pub(super) fn cpu() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + 1e-9 * t.tv_nsec as f64
}
