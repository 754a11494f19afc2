//! Reports that accompany the numbers of a run: each class separately, the baseline without a network, and losses that
//! cannot be compared. Trains nothing.

use crate::lab::outcome::LaneStanding;
use crate::lab::run::Run;
use crate::lab::trainer::score::Baseline;
use crate::number::{Number, NumberSource, numeral};
use crate::registry::SettingValue;
use crate::telemetry::Data;
use crate::text::excerpt;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most classes that are reported separately.
const TOLD: usize = 12;
/// Most characters of a class's name.
const NAME: usize = 16;

/// Facts about a run that are known before it begins.
#[derive(Clone, Debug)]
pub struct RunFacts {
    baseline: Option<Baseline>,
    losses: Option<String>,
    judge: Option<String>,
    scaled: Option<String>,
}

impl RunFacts {
    /// Collects the facts of this run.
    pub fn of(run: &Run) -> Self {
        Self {
            // A function that is minimised has no predictions.
            baseline: run.scenario().data.problem().is_none().then(|| Baseline::of(run.data())),
            losses: run.scenario().different_losses(),
            judge: run.data().judge.as_ref().map(SettingValue::text),
            scaled: run.data().reading.scaled.clone(),
        }
    }

    /// The baseline as a JSON line: `{"baseline": "always the mean", "val_mae": ...}`.
    pub fn json(&self) -> Option<String> {
        let line = match self.baseline.as_ref()? {
            Baseline::Majority { class, accuracy } => {
                json!({ "baseline": "always the most frequent class", "class": class, "val_accuracy": accuracy })
            }
            Baseline::Mean { mae, rmse, r2 } => {
                let scaled = self.scaled.as_deref();
                json!({ "baseline": "always the mean", "val_mae": mae, "val_rmse": rmse, "val_r2": r2, "losses": scaled })
            }
        };
        Some(line.to_string())
    }

    /// The report in lines, placed after the lines of the lanes.
    pub fn lines(&self, lanes: &[LaneStanding]) -> String {
        let mut out = String::new();
        let last = |lane: &LaneStanding, n: Number| lane.validation.as_ref().and_then(|v| v.get(n));
        match &self.baseline {
            None => {}
            Some(Baseline::Majority { class, accuracy }) => {
                let _ = writeln!(
                    out,
                    "without a network: always {}, the most frequent class: val accuracy {accuracy:.4}",
                    excerpt(class, NAME)
                );
                let below = lanes
                    .iter()
                    .filter(|l| last(l, Number::ValAccuracy).is_some_and(|a| a <= accuracy + 5e-7));
                let below: Vec<&str> = below.map(|l| &l.name[..]).collect();
                if !below.is_empty() {
                    let _ = writeln!(out, "no better than that: {}", below.join(", "));
                }
            }
            Some(Baseline::Mean { mae, rmse, r2 }) => {
                let errors = errors(Some(*mae), Some(*rmse), *r2);
                let _ = writeln!(out, "without a network: always the mean: {errors}");
            }
        }
        if let Some(scaled) = &self.scaled {
            let _ = writeln!(out, "{scaled}");
        }
        if let Some(losses) = &self.losses {
            let judge = self
                .judge
                .as_ref()
                .map_or_else(String::new, |judge| format!("; val loss is {judge} for every lane"));
            let _ = writeln!(out, "training losses of different kinds do not compare: {losses}{judge}");
        }
        out
    }
}

/// Validation results beyond loss and accuracy, each under its name.
pub fn numbers(lane: &LaneStanding) -> BTreeMap<&'static str, f64> {
    let told = [Number::ValLoss, Number::ValAccuracy];
    let all = lane.validation.iter().flat_map(|v| v.values.iter());
    all.filter(|(n, x)| {
        matches!(n.row().source, NumberSource::Evaluation) && !told.contains(n) && x.is_finite()
    })
    .map(|(n, x)| (n.row().key, n.decimal(x)))
    .collect()
}

/// A table over the classes or targets, if the lane reported it.
fn table<'a>(lane: &'a LaneStanding, name: &str) -> &'a [(String, Vec<f32>)] {
    match lane.scores.iter().find(|(n, _)| n == name) {
        Some((_, Data::Table { rows, .. })) => rows,
        _ => &[],
    }
}

/// Counts of every class: its validation samples, predictions of it, right predictions, and the predictions for its
/// samples.
pub fn classes(lane: &LaneStanding) -> Vec<serde_json::Value> {
    let whole = |row: &[f32]| row.iter().map(|n| *n as u32).collect::<Vec<_>>();
    let confusion = table(lane, "confusion");
    let of = |(row, (name, counts)): (usize, &(String, Vec<f32>))| {
        let [samples, answers, hits] = whole(counts)[..] else { return None };
        let answered = confusion.get(row).map(|(_, row)| whole(row));
        Some(
            json!({ "class": name, "samples": samples, "answers": answers, "hits": hits, "answered": answered }),
        )
    };
    table(lane, "counts").iter().enumerate().filter_map(of).collect()
}

/// Errors of each of several targets, in the unit of the data.
pub fn targets(lane: &LaneStanding) -> Vec<serde_json::Value> {
    let of = |(name, values): &(String, Vec<f32>)| {
        let [mae, rmse, r2] = values[..] else { return None };
        Some(json!({ "target": name, "mae": mae, "rmse": rmse, "r2": Some(r2).filter(|r| r.is_finite()) }))
    };
    table(lane, "errors").iter().filter_map(of).collect()
}

/// Errors of a regression, in the unit of the data.
fn errors(mae: Option<f64>, rmse: Option<f64>, r2: Option<f64>) -> String {
    let number = |what, x: Option<f64>| x.map(|x| format!("{what} {}", numeral(x)));
    let share = r2.map(|r| format!("R2 {r:.4}"));
    let all = [number("mean absolute error", mae), number("root mean squared", rmse), share];
    all.into_iter().flatten().collect::<Vec<_>>().join("   ")
}

/// A lane's validation results beyond loss and accuracy, in lines.
pub fn scores(lane: &LaneStanding) -> String {
    let mut out = String::new();
    let of = |n: Number| lane.validation.as_ref().and_then(|v| v.get(n));
    let whole = errors(of(Number::ValMae), of(Number::ValRmse), of(Number::ValR2));
    if !whole.is_empty() {
        let _ = writeln!(out, "{:<20} {whole}", "");
    }
    for (name, values) in table(lane, "errors").iter().take(TOLD) {
        let [mae, rmse, r2] = values[..] else { continue };
        let r2 = Some(r2).filter(|r| r.is_finite()).map(f64::from);
        let _ = writeln!(
            out,
            "{:<20} {}: {}",
            "",
            excerpt(name, NAME),
            errors(Some(mae.into()), Some(rmse.into()), r2)
        );
    }
    let counts = table(lane, "counts");
    if counts.is_empty() || counts.len() > TOLD {
        return out;
    }
    let share = |a: f32, b: f32| if b > 0.0 { format!("{:.1} %", 100.0 * a / b) } else { "none".into() };
    let width = counts.iter().map(|(n, _)| n.chars().count().min(NAME)).max().unwrap_or(0);
    for (row, (name, values)) in counts.iter().enumerate() {
        let [samples, answers, hits] = values[..] else { continue };
        let _ = write!(
            out,
            "{:<20} {:width$}  recall {:>7} of {samples}   precision {:>7} of {answers}",
            "",
            excerpt(name, NAME),
            share(hits, samples),
            share(hits, answers),
        );
        if let Some((_, answered)) = table(lane, "confusion").get(row) {
            let each: Vec<String> = answered.iter().map(ToString::to_string).collect();
            let _ = write!(out, "   answered {}", each.join(" "));
        }
        out.push('\n');
    }
    out
}
