//! The standings of the lanes of a run, gathered from events: the final report of a headless run.

use crate::diagnosis::{Diagnosis, LaneMeasurements, RULES, signals};
use crate::lab::exam::{LaneRobustness, PROBE};
use crate::lab::trainer::score;
use crate::number::{LayerNumber, Number, NumberSource, NumberValues, decimal};
use crate::scenario::Edit;
use crate::telemetry::{Band, Data, Event, ForkOrigin, LaneId, LaneInfo, Measure, Phase};
use std::sync::{Arc, LazyLock};

/// The standing of one lane.
#[derive(Clone, Debug)]
pub struct LaneStanding {
    /// Its index in the run.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Its edits.
    pub edits: Vec<Edit>,
    /// Its origin, if it is forked from another lane.
    pub fork: Option<ForkOrigin>,
    /// The settings in which it differs from its parent.
    pub differs: Vec<&'static str>,
    /// Steps done.
    pub step: u64,
    /// The newest measurement.
    pub last: Option<Measure>,
    /// The newest validation.
    pub validation: Option<Measure>,
    /// The greatest value of each number so far.
    pub greatest: NumberValues,
    /// The present ratio of the first layer's gradient norm to the last layer's.
    pub grad_ratio: Option<f32>,
    /// The same ratio at the first step.
    pub initial_grad_ratio: Option<f32>,
    /// The newest measurement under attack.
    pub robustness: Option<LaneRobustness>,
    /// The counts of classes, or the errors of several targets, at its last stop: see [`score::PROBE`].
    pub scores: Vec<(String, Data)>,
    /// Its phase.
    pub phase: Phase,
    /// The facts by which it is judged.
    pub measurements: LaneMeasurements,
    /// Its description, if it was reported.
    pub info: Option<Arc<LaneInfo>>,
}

/// The numbers that an expectation may use beside the table of numbers, each with its meaning.
const DERIVED: [(&str, &str); 13] = [
    ("edits", "changes made to it while it trained, or before"),
    ("seeds_lost", "seeds of the lane that diverged"),
    ("best_val_accuracy", "the best validation accuracy"),
    ("max_grad_norm", "the largest gradient norm of all steps"),
    ("grad_ratio", "gradient norm of the first layer over that of the last"),
    ("initial_grad_ratio", "the same at the first step"),
    ("step", "steps done"),
    ("evaluations", "gradient evaluations done"),
    ("diverged", "1 if it diverged, else 0"),
    ("stopped", "1 if early stopping ended it, else 0"),
    ("distrust", "trust checks of the accuracies under attack that fail"),
    ("failed", "1 if a fault of the program stopped it, else 0"),
    ("healthy", "1 if its signals show nothing at warn or bad, else 0"),
];

/// One number of a band.
type BandNumber = fn(Band) -> f32;

/// The metrics that are 1 or 0, and need no comparison: `plain.healthy` is `plain.healthy == 1`.
pub fn is_flag(metric: &str) -> bool {
    ["diverged", "stopped", "failed", "healthy"].contains(&metric) || finding_of(metric).is_some()
}

/// The id of the finding that a metric names.
fn finding_of(metric: &str) -> Option<&str> {
    metric.strip_prefix("finding(")?.strip_suffix(')')
}

/// The parts of a band over several seeds, each with its meaning.
const BANDS: [(&str, &str, BandNumber); 3] = [
    ("_min", "the least", |b| b.min),
    ("_median", "the median", |b| b.median),
    ("_max", "the greatest", |b| b.max),
];

/// The part of a validation number's band that a metric names: `val_loss_median`.
fn band_of(metric: &str) -> Option<(Number, BandNumber)> {
    BANDS.iter().find_map(|(end, _, of)| {
        let number = Number::of_key(metric.strip_suffix(end)?)?;
        banded(number).then_some((number, *of))
    })
}

fn banded(number: Number) -> bool {
    number.row().band && matches!(number.row().source, NumberSource::Evaluation)
}

/// All numbers of a lane that an expectation may use, each with its meaning.
pub static METRICS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    // Numbers that are computed only for a visible pane do not exist at the end of a run.
    let known = |n: &Number| !matches!(n.row().source, NumberSource::Probe(..));
    for number in Number::ALL.into_iter().filter(known) {
        let row = number.row();
        all.push((row.key.to_string(), row.about.to_string()));
        if banded(number) {
            let of = |(end, which, _): &(&str, &str, _)| {
                (format!("{}{end}", row.key), format!("{}: {which} of the lane's seeds", row.about))
            };
            all.extend(BANDS.iter().map(of));
        }
    }
    all.extend(DERIVED.map(|(name, about)| (name.to_string(), about.to_string())));
    let found = |about: &str| format!("1 if its signals show at warn or bad: {about}, else 0");
    all.extend(RULES.iter().map(|rule| (format!("finding({})", rule.id), found(rule.about))));
    all
});

impl LaneStanding {
    /// One of [`METRICS`], under an attack of this size; `None` if there is no such number.
    pub fn value(&self, metric: &str, at: Option<f64>) -> Option<f64> {
        let flag = |yes: bool| Some(f64::from(u8::from(yes)));
        let greatest = |n: Number| Some(n.decimal(self.greatest.get(n)?));
        let of = |m: Option<Measure>, n: Number| Some(n.decimal(m?.get(n)?));
        let spread = self.validation.and_then(|v| v.spread);
        match metric {
            "edits" => Some(self.edits.len() as f64),
            "seeds_lost" => Some(spread.map_or(0.0, |s| f64::from(s.lost))),
            "best_val_accuracy" => greatest(Number::ValAccuracy),
            "max_grad_norm" => greatest(Number::GradNorm),
            "grad_ratio" => self.grad_ratio.map(decimal),
            "initial_grad_ratio" => self.initial_grad_ratio.map(decimal),
            "step" => Some(self.step as f64),
            "evaluations" => self.last.map(|m| m.evaluations as f64),
            "diverged" => flag(matches!(self.phase, Phase::Diverged(_))),
            "stopped" => flag(matches!(self.phase, Phase::Stopped(_))),
            "distrust" => self.robustness.as_ref().map(|r| r.distrust.len() as f64),
            "failed" => flag(matches!(self.phase, Phase::Failed(_))),
            "healthy" => flag(self.diagnosis()?.reported().next().is_none()),
            _ => {
                if let Some(id) = finding_of(metric) {
                    return flag(self.diagnosis()?.reported().any(|f| f.id == id));
                }
                if let Some((number, part)) = band_of(metric) {
                    let band = spread.and_then(|s| s.band(number));
                    return band.map(part).map(decimal).or_else(|| of(self.validation, number));
                }
                let number = Number::of_key(metric)?;
                match number.row().source {
                    NumberSource::Step(_) | NumberSource::Rare(_) => of(self.last, number),
                    NumberSource::Evaluation => of(self.validation, number),
                    NumberSource::Attack(name) => self.robustness.as_ref()?.accuracy(name, at),
                    NumberSource::Probe(..) => None,
                }
            }
        }
    }

    /// The findings from its signals alone; `None` if its description was not reported.
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        Some(signals(self.measurements.facts(self.info.as_deref()?, &self.phase, None)))
    }

    /// Stores its description.
    fn is(&mut self, info: &LaneInfo) {
        self.info = Some(Arc::new(info.clone()));
        (self.edits, self.fork) = (info.edits.clone(), info.fork.clone());
        let parent = info.fork.as_ref().map(|fork| &*fork.recipe);
        let differences = parent.map_or_else(Vec::new, |parent| info.recipe.differences(parent));
        self.differs = differences.into_iter().map(|(name, _)| name).collect();
    }

    /// Updates the greatest values.
    fn exceed(&mut self, measure: &Measure) {
        for (number, x) in measure.values.iter() {
            // The steps between two measurements count as well.
            let x = measure.greatest.get(number).map_or(x, |most| most.max(x));
            self.greatest.set(number, Some(self.greatest.get(number).map_or(x, |most| most.max(x))));
        }
    }
}

/// The accuracy under attack that a metric names.
pub fn attacked(metric: &str) -> Option<Number> {
    Number::of_key(metric).filter(|n| n.attacked())
}

/// The standings of all lanes: a fold over events.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// The lanes that exist, by index.
    pub lanes: Vec<LaneStanding>,
}

impl Standings {
    /// Applies an event.
    pub fn apply(&mut self, event: &Event) {
        self.take(event);
        if let Some(lane) = event.lane() {
            self.with(lane, |l| l.measurements.apply(event));
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Started { lane, info, step } => {
                self.enter(*lane, info.name.clone(), *step);
                self.with(*lane, |l| l.is(info));
            }
            Event::Changed { lane, info, .. } => self.with(*lane, |l| {
                l.name.clone_from(&info.name);
                l.is(info);
            }),
            Event::Rewound { lane, info, step } => {
                // After going back, later steps no longer count.
                let old = self.lanes.iter_mut().find(|l| l.id == *lane);
                let measurements = old.map(|l| std::mem::take(&mut l.measurements)).unwrap_or_default();
                self.enter(*lane, info.name.clone(), *step);
                self.with(*lane, |l| {
                    l.measurements = measurements;
                    l.is(info);
                });
            }
            Event::Removed { lane } => self.lanes.retain(|l| l.id != *lane),
            Event::Measured { lane, measure, layers } => self.with(*lane, |l| {
                l.step = measure.step;
                l.last = Some(**measure);
                l.exceed(measure);
                let mut norms = layers.iter().filter_map(|l| l.get(LayerNumber::GradNorm));
                if let Some(first) = norms.next() {
                    let ratio = first / norms.next_back().unwrap_or(first);
                    l.grad_ratio = Some(ratio);
                    if measure.step == 1 {
                        l.initial_grad_ratio = Some(ratio);
                    }
                }
            }),
            Event::Evaluated { lane, measure } => self.with(*lane, |l| {
                l.validation = Some(**measure);
                l.exceed(measure);
            }),
            Event::Phase { lane, step, phase } => self.with(*lane, |l| {
                l.phase = phase.clone();
                l.step = l.step.max(*step);
            }),
            Event::Probed { lane, name, parts, .. } if *name == PROBE => {
                self.with(*lane, |l| l.robustness = Some(LaneRobustness::read(parts)));
            }
            Event::Probed { lane, name, parts, .. } if *name == score::PROBE => {
                self.with(*lane, |l| l.scores.clone_from(parts));
            }
            // A recalled step was already counted when it was trained.
            Event::Recalled { .. }
            | Event::Marked { .. }
            | Event::Probed { .. }
            | Event::Examined { .. }
            | Event::Changes { .. }
            | Event::Rested
            | Event::Notice(_)
            | Event::Unsaved(_) => {}
        }
    }

    /// Adds a lane that begins at this step, in place of one with the same index.
    pub fn enter(&mut self, id: LaneId, name: String, step: u64) {
        self.lanes.retain(|l| l.id != id);
        let place = self.lanes.partition_point(|l| l.id < id);
        let standing = LaneStanding {
            id,
            name,
            edits: Vec::new(),
            fork: None,
            differs: Vec::new(),
            step,
            last: None,
            validation: None,
            greatest: NumberValues::default(),
            grad_ratio: None,
            initial_grad_ratio: None,
            robustness: None,
            scores: Vec::new(),
            phase: Phase::Paused,
            measurements: LaneMeasurements::default(),
            info: None,
        };
        self.lanes.insert(place, standing);
    }

    fn with(&mut self, lane: LaneId, change: impl FnOnce(&mut LaneStanding)) {
        if let Some(l) = self.lanes.iter_mut().find(|l| l.id == lane) {
            change(l);
        }
    }

    /// Whether every lane has ended.
    pub fn over(&self) -> bool {
        self.lanes.iter().all(|l| !matches!(l.phase, Phase::Running | Phase::Paused))
    }
}

#[cfg(test)]
pub(super) mod tests;
