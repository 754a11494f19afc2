//! The level of each suspicion from a lane's signals alone, before any cure was tried.
//!
//! A lane that does well has no fault that matters. If a lane does poorly, a setting far beyond the usual is a
//! warning, and so is a symptom if its cause was found as well. Everything else stays a note, because
//! only trying the cures can confirm it.

use super::facts::{Facts, LaneScore};
use super::{EvidenceKind, Level, Suspicion};
use crate::telemetry::Phase;

/// From this accuracy on, little is left to gain.
const WELL: f64 = 0.93;
/// A lane does poorly if it covers less than this fraction of the way from chance to a perfect score.
const POOR: f64 = 0.65;
/// Steps that move the weights by less than this fraction of their norm are too small to train them.
const STILL: f64 = 5e-4;
/// Steps that move the weights by more than this fraction of their norm are too large to train them.
const WILD: f64 = 0.1;

/// An early step that moves the weights by more than this fraction of their norm destroys their initial values.
const THROWN: f64 = 0.5;

/// The state of a lane, as its numbers show it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaneHealth {
    /// It diverged.
    Lost,
    /// Little is left to gain.
    Well,
    /// Much is left to gain.
    Poor,
    /// Between the two, or too early to judge.
    Open,
}

/// The score on a scale from 0 at chance to 1 at a perfect score.
fn way(score: LaneScore, chance: LaneScore) -> Option<f64> {
    match (score.accuracy, chance.accuracy) {
        (Some(a), Some(c)) => Some((a - c) / (1.0 - c).max(1e-9)),
        _ => Some(1.0 - score.loss / chance.loss.max(1e-30)),
    }
    .filter(|w| w.is_finite())
}

fn state(f: &Facts) -> LaneHealth {
    if f.divergence().is_some() {
        return LaneHealth::Lost;
    }
    let (Some(score), Some(data)) = (f.score(), &f.data) else { return LaneHealth::Open };
    let rare = data.majority.is_some_and(|m| m > 0.75);
    let way = way(score, data.chance).unwrap_or(0.0);
    if !rare && score.accuracy.map_or(way >= 0.95, |a| a >= WELL) {
        return LaneHealth::Well;
    }
    let over = matches!(f.phase, Phase::Finished | Phase::Stopped(_));
    let judged = over || f.evaluations.last().is_some_and(|e| 4 * e.step >= f.total);
    if judged && !rare && way < POOR { LaneHealth::Poor } else { LaneHealth::Open }
}

/// Whether its score on its own training samples is low as well.
fn unlearnt(f: &Facts) -> bool {
    let known = f.train.zip(f.data.as_ref()).and_then(|(train, data)| way(train, data.chance));
    known.is_some_and(|way| way < 0.8)
}

/// The level of each suspicion, in the order of the table.
pub fn levels(f: &Facts, found: &[(&'static str, EvidenceKind, Suspicion)]) -> Vec<Level> {
    let state = state(f);
    let of = |id: &str| found.iter().find(|s| s.0 == id).map(|s| &s.2);
    let value = |s: &Suspicion, name: &str| s.evidence.iter().find(|e| e.0 == name).map_or(f64::NAN, |e| e.1);
    let bad = matches!(state, LaneHealth::Lost | LaneHealth::Poor);
    let mut levels: Vec<Level> = Vec::new();
    for (id, kind, s) in found {
        let warn = |yes: bool| if yes { Level::Warn } else { Level::Note };
        let own = |name: &str| value(s, name);
        let mean = || own("weights over those that keep the signal");
        levels.push(match *id {
            _ if f.foreign => s.level,
            // The numbers prove these faults directly, or they follow a change by hand.
            "bad-edit" | "overfitting" | "label-noise-or-shuffled-labels" | "attack-overfit" => s.level,
            _ if state == LaneHealth::Well && *kind != EvidenceKind::Measured => Level::Note,
            "symmetric-init" | "softmax-twice" => s.level,
            "class-imbalance" => warn(own("recall of the class with the least") < 0.25),
            "mse-saturation" => s.level.max(warn(bad)),
            "unscaled-inputs" | "schedule-ends-too-early" => warn(bad),
            "unscaled-targets" => warn(bad && own("root mean square of the targets") > 100.0),
            "init-too-small" => {
                warn(mean() < 0.05 || bad && (mean() < 0.25 || of("vanishing-gradient").is_some()))
            }
            "init-too-large" => warn(bad && mean() > 1.8),
            "batch-norm-batch" => warn(own("batch") <= 4.0 || bad && own("batch") <= 8.0),
            "weight-decay-too-strong" => warn(bad && own("weights at the end over those at the start") < 0.7),
            "dropout-too-strong" => warn(bad && own("p") >= 0.7),
            "clip-too-small" | "clip-dominates" => {
                warn(state != LaneHealth::Lost && !f.free_of_scale() && own("shortened to") < 0.1)
            }
            "momentum-too-high" => warn(bad && own("momentum") >= 0.99),
            "adam-eps-or-beta2" => warn(bad && (own("eps") >= 0.01 || own("second beta") < 0.95)),
            "rnn-forgets" => warn(state == LaneHealth::Poor && own("steps of a sequence") >= 30.0),
            "vanishing-gradient" => {
                let least = own("first over last gradient").min(own("the same at the first steps"));
                if state == LaneHealth::Poor {
                    s.level
                } else {
                    warn(state == LaneHealth::Open && least < 1e-4)
                }
            }
            "exploding-gradient" | "rnn-explodes" if state == LaneHealth::Lost => s.level,
            "exploding-gradient" | "rnn-explodes" => warn(state == LaneHealth::Poor),
            "dead-units" => {
                if bad {
                    s.level
                } else {
                    Level::Note
                }
            }
            "saturated-units" => {
                let cause = ["unscaled-inputs", "init-too-large"].iter().any(|c| of(c).is_some());
                warn(bad && cause)
            }
            _ => Level::Note,
        });
    }
    let reported = |levels: &[Level], which: &dyn Fn(&str, EvidenceKind) -> bool| {
        found.iter().zip(levels).any(|((id, kind, _), l)| *l > Level::Note && which(id, *kind))
    };
    let explained = reported(&levels, &|_, kind| kind == EvidenceKind::Setting);
    let symptom = reported(&levels, &|id, kind| kind == EvidenceKind::Symptom && id != "dead-units");
    // If the first gradient is large already, the learning rate did not cause it.
    let large = of("exploding-gradient").is_some_and(|s| value(s, "first gradient") > 100.0);
    for (i, (id, _, s)) in found.iter().enumerate().filter(|_| !f.foreign && !explained && bad) {
        let moved = value(s, "update over weights");
        let still = moved < STILL && unlearnt(f);
        let narrow = value(s, "units of the narrowest layer");
        let reported = match *id {
            "lr-too-high" if state == LaneHealth::Lost => !large,
            "lr-too-high" => moved > WILD || value(s, "largest of the first updates over weights") > THROWN,
            "lr-too-low" => still && !symptom && of("dead-units").is_none(),
            "underfitting-capacity" => {
                let crawls = of("lr-too-low").is_some_and(|s| value(s, "update over weights") < STILL);
                !symptom && !crawls && unlearnt(f) && (f.linear() || narrow <= 3.0)
            }
            _ => continue,
        };
        if reported {
            levels[i] = if state == LaneHealth::Lost { Level::Bad } else { Level::Warn };
        }
    }
    levels
}
