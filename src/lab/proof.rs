//! Verifies a run directory: trains its scenario again and compares every hash, every number of the log and every
//! state.
//!
//! Training is a pure function of the scenario with its journal of edits, so a difference means that a file was changed
//! afterwards, or trained by another program. Opens no terminal.

mod rows;
mod states;

use super::experiment::Experiment;
use super::files::Disk;
use super::run::{Run, SavedLane};
use super::run_dir::checkpoint::checksum;
use super::run_dir::evidence::{Evidence, FoundCheckpoint};
use super::runner::Runner;
use crate::scenario::{Scenario, decode, read_with_data};
use crate::telemetry::{Command, Event, Phase};
use rows::RowComparison;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The settings of a verification.
#[derive(Clone, Debug, Default)]
pub struct VerificationSettings {
    /// Workers; `None`: one per core.
    pub threads: Option<usize>,
    /// Verify only the first steps.
    pub steps: Option<u64>,
    /// Verify only these lanes; all, if the list is empty.
    pub lanes: Vec<String>,
    /// Begin at the older of two checkpoints instead of at step 0.
    pub from_checkpoint: bool,
}

/// A difference between a run and the repeated training of its scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDifference {
    /// The step; `None` if the whole file is at fault.
    pub step: Option<u64>,
    /// The lane.
    pub lane: Option<String>,
    /// The file.
    pub file: &'static str,
    /// The number or tensor, with its stored and its recomputed value.
    pub what: String,
}

impl std::fmt::Display for RunDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(step) = self.step {
            write!(f, "step {step}, ")?;
        }
        if let Some(lane) = &self.lane {
            write!(f, "lane {lane}, ")?;
        }
        write!(f, "{}: {}", self.file, self.what)
    }
}

/// The comparisons made for a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneComparison {
    /// Its name.
    pub lane: String,
    /// Lines of the log.
    pub lines: usize,
    /// Hashes in these lines.
    pub hashes: usize,
    /// States of checkpoints.
    pub states: usize,
}

/// The result.
#[derive(Clone, Debug, Default)]
pub struct VerificationResult {
    /// The differences, in the order of their steps.
    pub differences: Vec<RunDifference>,
    /// The comparisons made, lane by lane.
    pub lanes: Vec<LaneComparison>,
    /// Everything that was not compared, with the reason.
    pub notes: Vec<String>,
    /// Steps at which it began and ended.
    pub steps: (u64, u64),
}

impl VerificationResult {
    /// Whether something was compared, and there are no differences.
    pub fn holds(&self) -> bool {
        self.differences.is_empty() && !self.is_empty()
    }

    /// Whether there was nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.lines + lane.hashes + lane.states == 0)
    }

    fn file(&mut self, file: &'static str, what: String) {
        self.differences.push(RunDifference { step: None, lane: None, file, what });
    }
}

/// Trains a run again and compares it with its directory; `progress` receives the steps done and their total.
///
/// # Errors
/// The reason why it cannot be trained again: there is no run, or its scenario or its data cannot be read.
pub fn prove(
    path: &Path,
    order: &VerificationSettings,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerificationResult, Vec<String>> {
    let evidence = Evidence::read(path).map_err(|e| vec![e.to_string()])?;
    let mut verdict = VerificationResult::default();
    for (file, what) in &evidence.faults {
        verdict.file(file, what.clone());
    }
    let found = evidence.checkpoints.first();
    let base = found.map(|f| PathBuf::from(&f.checkpoint.base)).unwrap_or_default();
    let files = Disk { base };
    let in_file = |faults: Vec<crate::scenario::ScenarioFault>| {
        faults.iter().map(|f| f.in_file("scenario.ron")).collect::<Vec<_>>()
    };
    let text = decode(evidence.scenario.as_bytes()).map_err(|f| vec![f.in_file("scenario.ron")])?;
    let (mut scenario, data) = read_with_data(text, &files).map_err(in_file)?;
    if let Some(found) = found.filter(|f| f.whole) {
        note_differences(&found.checkpoint.scenario, &scenario, &mut verdict);
        if found.checkpoint.data != checksum(&data.train.inputs) {
            verdict.file("data", "the training samples are others than those of the run".into());
        }
    }
    if found.is_none() {
        verdict.notes.push("there is no checkpoint: the log alone was compared".into());
    }
    if !order.lanes.is_empty() {
        only(&mut scenario, &order.lanes).map_err(|what| vec![what])?;
    }
    let begin = match evidence.checkpoints.get(1).filter(|_| order.from_checkpoint) {
        Some(found) if found.whole => Some(found),
        Some(_) => return Err(vec!["checkpoint.previous is damaged; verify from the start".into()]),
        None if order.from_checkpoint => {
            return Err(vec!["there is no checkpoint.previous to begin at; verify from the start".into()]);
        }
        None => None,
    };
    let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), &files)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let names: Vec<String> = experiment.lanes.iter().map(|l| l.name.clone()).collect();
    let networks: Vec<_> = experiment.lanes.iter().map(|l| Arc::clone(&l.network)).collect();
    let steps = order.steps.unwrap_or(u64::MAX);
    let states = states::wanted(&evidence.checkpoints, &names, steps, &mut verdict);
    let all: Vec<(&str, bool)> = scenario.lanes.iter().map(|l| (l.name.as_str(), l.from.is_some())).collect();
    let mut rows = RowComparison::read(&evidence, &names, &all, steps, scenario.robustness.is_some());
    for saved in evidence.checkpoints.iter().flat_map(|found| &*found.checkpoint.lanes) {
        rows.came_to(&saved.name, states::trained_to(saved).min(steps));
    }
    let end = rows.last();
    let mut run = Run::new(experiment, Some(end.max(1)), Arc::new(files));
    let mut first = 0;
    if let Some(FoundCheckpoint { checkpoint, .. }) = begin {
        let lanes: Vec<SavedLane> =
            checkpoint.lanes.iter().filter(|l| names.contains(&l.name)).cloned().collect();
        let ended =
            |l: &&SavedLane| matches!(l.phase, Phase::Diverged(_) | Phase::Stopped(_) | Phase::Failed(_));
        first = lanes.iter().filter(|l| !ended(l)).map(|l| l.snapshot.step).min().unwrap_or(0);
        for lane in &lanes {
            // A lane that had ended is not trained again.
            rows.begin(&lane.name, if ended(&lane) { u64::MAX } else { lane.snapshot.step });
        }
        run.restore(&lanes).map_err(|what| vec![format!("checkpoint.previous: {what}")])?;
        verdict.notes.push(format!("begun at the checkpoint of step {first}, not at the start"));
    }
    let wanted: Vec<(String, u64)> =
        states.iter().map(|s| (s.saved.name.clone(), s.saved.snapshot.step)).collect();
    run.capture(&wanted);
    verdict.steps = (first, end);
    let (seen, phases) = if end > first {
        train(run, order.threads, end, &mut rows, progress).map_err(|e| vec![e])?
    } else {
        (run.take_captured(), Vec::new())
    };
    rows.close(&mut verdict);
    let mut compared = vec![0; names.len()];
    for state in &states {
        let at = names.iter().position(|n| *n == state.saved.name).unwrap_or(0);
        compared[at] += usize::from(state.compare(&seen, &phases, &networks[at], &mut verdict));
    }
    for (at, lane) in names.iter().enumerate() {
        let (lines, hashes) = rows.compared(lane);
        verdict.lanes.push(LaneComparison { lane: lane.clone(), lines, hashes, states: compared[at] });
    }
    verdict.differences.sort_by_key(|d| (d.step.is_none(), d.step));
    Ok(verdict)
}

/// Notes the settings in which a scenario differs from the one in a checkpoint.
fn note_differences(text: &str, scenario: &Scenario, verdict: &mut VerificationResult) {
    let Ok(reread) = crate::scenario::read(text) else { return };
    for difference in reread.differences(scenario) {
        verdict.file("scenario.ron", format!("{difference} since the checkpoint"));
    }
}

/// Keeps only these lanes and their ancestors.
fn only(scenario: &mut Scenario, lanes: &[String]) -> Result<(), String> {
    let mut wanted = lanes.to_vec();
    for name in lanes {
        let mut at = scenario.lanes.iter().find(|l| l.name == *name);
        if at.is_none() {
            let all: Vec<&str> = scenario.lanes.iter().map(|l| l.name.as_str()).collect();
            return Err(format!("the run has no lane {name}; it has {}", all.join(", ")));
        }
        while let Some(parent) = at.and_then(|lane| scenario.parent(lane)) {
            wanted.push(parent.name.clone());
            at = Some(parent);
        }
    }
    scenario.lanes.retain(|l| wanted.contains(&l.name));
    scenario.edits.retain(|e| wanted.contains(&e.lane));
    Ok(())
}

/// The requested states, and the phase of each lane.
type Trained = (Vec<SavedLane>, Vec<(String, Phase)>);

/// Trains to the end; returns the requested states, and how each lane ended.
fn train(
    run: Run,
    threads: Option<usize>,
    end: u64,
    rows: &mut RowComparison,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Trained, String> {
    let runner = Runner::start(run, threads, None, true).map_err(|e| e.to_string())?;
    runner.send(Command::Run);
    let mut standings = super::outcome::Standings::default();
    let mut seen = Vec::new();
    loop {
        runner.wait(Duration::from_millis(50));
        let events: Vec<Event> = runner.drain();
        for event in &events {
            standings.apply(event);
        }
        for line in runner.take_lines() {
            rows.again(&line);
        }
        seen.extend(runner.captured());
        progress(standings.lanes.iter().map(|l| l.step).min().unwrap_or(0), end);
        if !standings.lanes.is_empty() && standings.over() {
            break;
        }
    }
    seen.extend(runner.captured());
    let (events, lines, _) = runner.finish(&mut |_, _| {});
    for event in &events {
        standings.apply(event);
    }
    for line in &lines {
        rows.again(line);
    }
    Ok((seen, standings.lanes.into_iter().map(|l| (l.name, l.phase)).collect()))
}
