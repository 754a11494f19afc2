//! A lane's turn: some steps of its trainer, with events for the screen and lines for the log.
//!
//! A [`Pace`] provides the time. Which steps are logged and evaluated depends on step numbers alone, so the log of a
//! run is the same on every machine. Knows no thread and no other lane.

use crate::engine::layer::LayerConfig;
use crate::engine::team::Team;
use crate::lab::exam::{self, Exam};
use crate::lab::hash::parameter_hash;
use crate::lab::trail::Trail;
use crate::lab::trainer::{Evaluation, EvaluationReport, StepScope, Trainer, score};
use crate::telemetry::{Event, LaneId, LayerMeasure, Measure, MeasuredStep, ParameterHash, Phase};
use duties::StepDuties;
use since::NumberRanges;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The first steps, each of which is reported.
const FIRST: u64 = 8;

mod duties;
mod leave;
pub mod log;
pub mod past;
mod seeds;
mod since;
mod state;

pub use leave::CancelSignal;
pub use seeds::{Replica, SavedReplica};
pub use state::{LaneState, Start};

/// The timing of a turn: when to measure for the screen, and when to give the thread back.
pub trait Pace {
    /// Called after each step.
    fn step(&mut self) {}
    /// Whether the screen wants a measurement of the next step.
    fn due(&mut self) -> bool {
        false
    }
    /// Whether the screen may want a measurement of the step after the next one.
    fn soon(&self) -> bool;
    /// Called after a measurement was sent.
    fn shown(&mut self) {}
    /// Whether the turn is over.
    fn over(&self) -> bool;
    /// Seconds since the turn began; 0 without a clock.
    fn seconds(&self) -> f64;
}

/// A turn without a clock and without an end, which measures nothing for the screen.
pub(in crate::lab) struct EndlessTurn;

impl Pace for EndlessTurn {
    fn soon(&self) -> bool {
        false
    }
    fn over(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

/// A lane in training.
#[derive(Debug)]
pub struct TrainingLane {
    /// Its index in the run.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Its trainer.
    pub trainer: Trainer,
    /// Its other seeds.
    pub replicas: Vec<Replica>,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Seconds of one recent step.
    pub cost: f64,
    /// Its path, on a test function of the plane.
    pub trail: Option<Trail>,
    /// Data that watched probes kept of the last measured step, by probe name.
    pub kept: BTreeMap<&'static str, Box<dyn Any + Send>>,
    /// Some of its earlier states.
    pub past: past::SharedPast,
    /// Tells the lane to cancel its current step.
    pub leave: Arc<CancelSignal>,
    team: Option<Arc<dyn Team>>,
    long: leave::LongWork,
    /// The state before a step that may be cancelled halfway, and whether the current step has stored it.
    back: Option<leave::StepBackup>,
    keeps: bool,
    since: NumberRanges,
    /// The last step that was shown.
    shown: u64,
}

/// The data that watched probes kept of a lane's last measured step.
#[derive(Debug, Default)]
pub struct Looks {
    kept: BTreeMap<&'static str, Box<dyn Any + Send>>,
    scope: Option<Box<StepScope>>,
}

/// What a probe does around the steps of a lane.
#[derive(Clone, Copy, Debug)]
pub struct StepHooks {
    /// Told whether the next step is shown; called while the probe is watched.
    pub before: fn(&mut TrainingLane, bool),
    /// Keeps data that the next step would overwrite; called after every shown step while the probe is watched.
    pub after: fn(&mut TrainingLane),
    /// Drops the kept data; called while the probe is not watched.
    pub forget: fn(&mut TrainingLane),
}

impl StepHooks {
    /// Nothing is done.
    pub const NONE: Self = Self { before: |_, _| {}, after: |_| {}, forget: |_| {} };
}

/// The hooks of the probes through which a lane is watched, and of all others.
#[derive(Clone, Debug, Default)]
pub struct ProbeHooks {
    /// Those that are watched.
    pub watched: Vec<StepHooks>,
    /// Those that are not, which keep no data.
    pub unwatched: Vec<StepHooks>,
}

/// The limits of one turn of a lane.
#[derive(Clone, Debug, Default)]
pub struct TurnLimits {
    /// The turn ends at this step at the latest.
    pub until: u64,
    /// The step at which the lane will stop for now; it is always shown.
    pub goal: u64,
    /// The last step of the run, after which the lane is finished.
    pub end: u64,
    /// Steps of the scenario.
    pub total: u64,
    /// Steps between two evaluations.
    pub evaluate_every: u64,
    /// The measurement under attack, if there is one.
    pub exam: Option<Arc<Exam>>,
    /// Show every this many steps, instead of by time.
    pub show_every: Option<u64>,
    /// Whether the run has a log.
    pub log: bool,
    /// The hooks of its probes.
    pub hooks: ProbeHooks,
    /// Bytes for earlier states of the lane; 0: none are kept.
    pub budget: usize,
    /// Whether these steps were trained before. Then only the last step is shown, and other steps are evaluated only if
    /// training depends on it.
    pub past: bool,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogLine {
    /// Its step.
    pub step: u64,
    /// Its lane.
    pub lane: LaneId,
    /// The line, without its end.
    pub text: String,
}

impl LogLine {
    /// A line of the log after the lane `from` was renamed.
    pub fn relabelled(text: &str, from: &str, to: &str) -> String {
        let name = |name: &str| format!("\"lane\":{}", serde_json::Value::from(name));
        text.replacen(&name(from), &name(to), 1)
    }
}

/// The results of a turn.
#[derive(Debug, Default)]
pub struct TurnResult {
    /// Events for the screen.
    pub events: Vec<Event>,
    /// Lines for the log.
    pub lines: Vec<LogLine>,
    /// The reason why the lane ended, if it did.
    pub end: Option<Phase>,
}

impl TurnResult {
    /// Removes the events and lines of a cancelled step.
    fn take_back(&mut self, (events, lines): (usize, usize)) {
        self.events.truncate(events);
        self.lines.truncate(lines);
        self.end = None;
    }
}

/// Whether the log keeps the n-th step (or evaluation): all of the first 1024, then fewer and fewer, 512 to 1024 per
/// octave.
pub fn logged(n: u64) -> bool {
    let stride = (n / 1024).checked_ilog2().map_or(1, |log| 2 << log);
    n.is_multiple_of(stride)
}

/// The event for a step by which a lane is judged.
pub fn mark_event(lane: LaneId, measure: &Measure, layers: &[LayerMeasure]) -> Event {
    let mark = MeasuredStep { step: measure.step, values: measure.values, layers: layers.to_vec() };
    Event::Marked { lane, mark: Arc::new(mark) }
}

/// Whether a lane is judged by the n-th step: by all of the first 128, then by fewer and fewer, 64 to 128 per octave.
/// The log contains all of them.
pub fn marked(n: u64) -> bool {
    let stride = (n / 128).checked_ilog2().map_or(1, |log| 2 << log);
    n.is_multiple_of(stride)
}

impl TrainingLane {
    /// A lane before its first turn.
    pub fn new(id: LaneId, name: String, trainer: Trainer) -> Self {
        let mut lane = Self {
            id,
            name,
            trainer,
            replicas: Vec::new(),
            seconds: 0.0,
            cost: 0.0,
            trail: None,
            kept: BTreeMap::new(),
            past: past::SharedPast::default(),
            leave: Arc::default(),
            team: None,
            long: leave::LongWork::default(),
            back: None,
            keeps: false,
            since: NumberRanges::default(),
            shown: 0,
        };
        lane.begin_trail();
        lane
    }

    /// Starts its path at its current point, if it moves over a test function.
    pub fn begin_trail(&mut self) {
        self.trail = match self.trainer.recipe().network[..] {
            [LayerConfig::Surface(_)] => self.place().map(Trail::new),
            _ => None,
        };
    }

    /// Its current point, if there are two parameters.
    fn place(&self) -> Option<[f32; 2]> {
        self.trainer.live().params[..].try_into().ok()
    }

    /// Trains until the plan or the pace ends the turn.
    pub fn play(&mut self, plan: &TurnLimits, pace: &mut dyn Pace) -> TurnResult {
        let mut news = TurnResult::default();
        let first = self.trainer.steps();
        plan.hooks.unwatched.iter().for_each(|hooks| (hooks.forget)(self));
        let mut looked = None;
        let mut keep = if plan.budget > 0 { past::open(&self.past).due() } else { u64::MAX };
        let deaf = plan.past && !self.listens();
        while self.trainer.steps() < plan.until {
            let step = self.trainer.steps() + 1;
            let told = (news.events.len(), news.lines.len());
            let StepDuties { evaluate, exam, log, show, mark, before_shown } = plan.duties(step, deaf, pace);
            let mut restored = None;
            plan.hooks.watched.iter().for_each(|hooks| (hooks.before)(self, show));
            self.trainer.attend(evaluate, before_shown);
            self.trainer.look_at_all(show || mark || evaluate);
            let looks = evaluate || exam.is_some() || step == plan.end;
            self.may_leave(looks);
            match self.trainer.step(show || log || mark) {
                Ok(_) if self.left_at_once(step - 1) => break,
                Ok(result) => self.since.add(&result),
                Err(account) => {
                    // The newest measured step explains the failed one, even if it was measured only for the log.
                    if self.trainer.measure().0.step > self.shown {
                        self.show(pace.seconds(), &mut news);
                    }
                    self.gap(plan.log, pace.seconds(), &mut news);
                    news.end = Some(Phase::Diverged(*account));
                    break;
                }
            }
            self.step_seeds(show || log, &mut |words| news.events.push(Event::Notice(words)));
            if self.left_inside() {
                news.take_back(told);
                break;
            }
            pace.step();
            let began = if looks { pace.seconds() } else { 0.0 };
            if show {
                plan.hooks.watched.iter().for_each(|hooks| (hooks.after)(self));
            }
            if let (Some(place), Some(trail)) = (self.place(), &mut self.trail) {
                trail.push(place);
            }
            if show {
                self.show(pace.seconds(), &mut news);
                pace.shown();
            }
            if mark {
                let (measure, layers) = self.trainer.measure();
                news.events.push(mark_event(self.id, &measure, layers));
            }
            // The hash is taken before early stopping restores other parameters.
            let hash = (evaluate || step == plan.end).then(|| self.hash());
            let evaluation = if evaluate {
                let EvaluationReport { evaluation, stop } = self.trainer.evaluate_and_report();
                if let Some(stop) = stop {
                    restored = stop.restored;
                    news.end = Some(Phase::Stopped(stop.words));
                }
                Some(evaluation)
            } else {
                // A stop between two evaluations reports an evaluation to the screen, but not to the schedule or the
                // log, so that continuing gives the same numbers as an uninterrupted run.
                (step == plan.end).then(|| self.trainer.evaluate())
            };
            let mut dead = Vec::new();
            if evaluation.is_some() {
                let parts = self.trainer.health();
                if log && evaluate {
                    dead = self.trainer.dead().map(|(_, share)| share).collect();
                }
                news.events.push(Event::Probed { lane: self.id, step, name: "health", parts });
                self.evaluate_seeds(evaluate, &mut |words| news.events.push(Event::Notice(words)));
            }
            let restored = restored.map(|evaluation| (evaluation, Some(self.hash())));
            for (evaluation, hash) in evaluation.map(|e| (e, hash)).into_iter().chain(restored) {
                let measure = Box::new(self.evaluated(evaluation, hash));
                news.events.push(Event::Evaluated { lane: self.id, measure });
            }
            if evaluation.is_some() && (step == plan.total || step == plan.end || news.end.is_some()) {
                let parts = self.trainer.score().parts(self.trainer.data());
                if !parts.is_empty() {
                    news.events.push(Event::Probed { lane: self.id, step, name: score::PROBE, parts });
                }
            }
            // As with evaluations, a measurement at a mere stop is not logged.
            let report = exam.or(plan.exam.as_deref().filter(|_| step == plan.end)).and_then(|e| {
                let whole = step == plan.total || step == plan.end;
                self.trainer.measure_robustness(&e.settings, e.share, whole)
            });
            if let Some(report) = &report {
                let parts = report.parts();
                news.events.push(Event::Probed { lane: self.id, step, name: exam::PROBE, parts });
            }
            if looks {
                looked = Some(looked.unwrap_or(0.0) + pace.seconds() - began);
            }
            if self.left_inside() {
                news.take_back(told);
                break;
            }
            if log {
                let (measure, layers) = self.trainer.measure();
                let row = log::LogRow {
                    layers,
                    evaluation: evaluation.filter(|_| evaluate).map(|e| self.evaluated(e, hash)),
                    dead,
                    robustness: report.filter(|_| exam.is_some()).map(|r| r.row()),
                    spread: self.spread(),
                    ..log::LogRow::new(&self.name, &measure)
                };
                news.lines.push(row.line(self.id));
            }
            if step >= keep {
                let mut past = past::open(&self.past);
                past.keep(self, plan.budget);
                keep = past.due();
            }
            if pace.over() || news.end.is_some() {
                break;
            }
        }
        if self.trainer.steps() >= plan.end && news.end.is_none() {
            news.end = Some(Phase::Finished);
        }
        let (steps, seconds) = (self.trainer.steps() - first, pace.seconds());
        self.seconds += seconds;
        self.took(seconds - looked.unwrap_or(0.0), looked);
        if steps > 0 {
            let cost = seconds / steps as f64;
            self.cost = if self.cost == 0.0 { cost } else { 0.7 * self.cost + 0.3 * cost };
        }
        news
    }

    /// Takes out the data that watched probes kept of the last measured step.
    pub fn take_looks(&mut self) -> Looks {
        Looks { kept: std::mem::take(&mut self.kept), scope: self.trainer.take_scope() }
    }

    /// Puts in the data that another lane kept at the same step of the same training.
    pub fn put_looks(&mut self, looks: Looks) {
        self.kept = looks.kept;
        self.trainer.put_scope(looks.scope);
    }

    /// Forgets the steps since the last measurement, after a restart.
    pub fn restarted(&mut self) {
        self.since = NumberRanges::default();
        self.shown = 0;
        self.seconds = 0.0;
        self.begin_trail();
        self.kept.clear();
    }

    fn show(&mut self, seconds: f64, news: &mut TurnResult) {
        let (mut measure, layers) = self.trainer.measure();
        measure.seconds = self.seconds + seconds;
        measure.spread = self.spread();
        self.since.add_to(&mut measure);
        self.since = NumberRanges::default();
        let layers = layers.to_vec();
        self.shown = measure.step;
        news.events.push(Event::Measured { lane: self.id, measure: Box::new(measure), layers });
    }

    /// The failed step as a point that is not finite: a gap in every curve, `null` in the log. Its range is that of the
    /// steps before it that were not shown.
    fn gap(&mut self, log: bool, seconds: f64, news: &mut TurnResult) {
        let mut before = Measure::default();
        self.since.add_to(&mut before);
        let Measure { least, greatest, .. } = before;
        let measure = Measure { seconds: self.seconds + seconds, least, greatest, ..self.trainer.gap() };
        news.events.push(Event::Measured { lane: self.id, measure: Box::new(measure), layers: Vec::new() });
        news.events.push(mark_event(self.id, &measure, &[]));
        if log {
            let line = log::LogRow { spread: self.spread(), ..log::LogRow::new(&self.name, &measure) };
            news.lines.push(line.line(self.id));
        }
    }

    /// The report of an evaluation: the lane's numbers, and the range over all seeds.
    fn evaluated(&self, evaluation: Evaluation, hash: Option<ParameterHash>) -> Measure {
        let (measure, _) = self.trainer.measure();
        Measure { values: evaluation.values(), spread: self.judged(evaluation), hash, ..measure }
    }

    /// The hash of its parameters, taken from the first seed.
    pub fn hash(&self) -> ParameterHash {
        parameter_hash(&self.trainer.live().params)
    }
}

#[cfg(test)]
pub(in crate::lab) mod tests {
    use super::*;

    #[test]
    fn the_step_before_a_divergence_is_shown_whatever_the_pace() {
        use crate::engine::data::NoFiles;
        use crate::lab::experiment::Experiment;
        let scenario = crate::lab::preset::find("exploding-clip").unwrap().scenario();
        let (seed, total) = (scenario.seed, scenario.steps as u64);
        let experiment = Experiment::new(scenario, &NoFiles).unwrap();
        let recipe = experiment.lanes[0].recipe.clone();
        let trainer = Trainer::new(&experiment.data, recipe, seed, total).unwrap();
        let mut lane = TrainingLane::new(0, "wild".into(), trainer);
        let plan =
            TurnLimits { until: total, goal: total, end: total, total, log: true, ..TurnLimits::default() };
        let plan = TurnLimits { evaluate_every: total, ..plan };
        let news = lane.play(&plan, &mut EndlessTurn);
        let Some(Phase::Diverged(account)) = news.end else { panic!("{:?}", news.end) };
        assert!(account.step > 2, "a step between the first one and the last is needed");
        let shown: Vec<(u64, bool)> = news
            .events
            .iter()
            .filter_map(|e| match e {
                Event::Measured { measure, layers, .. } => Some((measure.step, !layers.is_empty())),
                _ => None,
            })
            .collect();
        let mut all: Vec<(u64, bool)> = (1..=FIRST.min(account.step - 1)).map(|step| (step, true)).collect();
        if account.step - 1 > FIRST {
            all.push((account.step - 1, true));
        }
        all.push((account.step, false));
        assert_eq!(shown, all);
    }

    #[test]
    fn the_log_keeps_all_early_steps_and_ever_fewer_later_ones() {
        assert!((1..=1024).all(logged));
        let octave = |from: u64| (from..2 * from).filter(|&n| logged(n)).count();
        assert_eq!(octave(1024), 512);
        assert_eq!(octave(1 << 20), 512);
        let all = (1..=10_000_000).filter(|&n| logged(n)).count();
        assert!(all < 9000, "{all} lines");
        assert!((1..=10_000_000).filter(|&n| marked(n)).all(logged));
    }
}
