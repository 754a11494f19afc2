//! Words beside the numbers of a run: each class by itself, the baseline without a network, and losses that cannot be
//! compared. Trains nothing.

use super::numeral;
use crate::lab::outcome::Standing;
use crate::lab::run::Run;
use crate::lab::trainer::score::Baseline;
use crate::number::Number;
use crate::registry::Value;
use crate::telemetry::Data;
use crate::text::excerpt;
use std::fmt::Write as _;

/// Classes up to which each is told by itself.
const TOLD: usize = 12;
/// Characters of a class's name.
const NAME: usize = 16;

/// The facts about a run that are known before it begins.
#[derive(Clone, Debug)]
pub struct Beside {
    baseline: Option<Baseline>,
    losses: Option<String>,
    judge: Option<String>,
}

impl Beside {
    /// Collects the facts of this run.
    pub fn of(run: &Run) -> Self {
        Self {
            // A function that is minimised has no answers.
            baseline: run.scenario().data.problem().is_none().then(|| Baseline::of(run.data())),
            losses: run.scenario().different_losses(),
            judge: run.data().judge.as_ref().map(Value::text),
        }
    }

    /// In lines, after those of the lanes.
    pub fn lines(&self, lanes: &[Standing]) -> String {
        let mut out = String::new();
        let last = |lane: &Standing, n: Number| lane.validation.as_ref().and_then(|v| v.get(n));
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
            Some(Baseline::Mean { mae, mse, r2 }) => {
                let r2 = r2.map_or_else(String::new, |r| format!("   R2 {r:.4}"));
                let _ = writeln!(
                    out,
                    "without a network: always the mean: mean squared error {}   mean absolute error {}{r2}",
                    numeral(*mse as f32),
                    numeral(*mae as f32)
                );
            }
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

/// A lane's validation beyond loss and accuracy, in lines.
pub fn scores(lane: &Standing) -> String {
    let mut out = String::new();
    let of = |n: Number| lane.validation.as_ref().and_then(|v| v.get(n));
    if let Some(mae) = of(Number::ValMae) {
        let r2 = of(Number::ValR2).map_or_else(String::new, |r| format!("   R2 {r:.4}"));
        let _ = writeln!(out, "{:<20} mean absolute error {}{r2}", "", numeral(mae as f32));
    }
    let table = |name: &str| match lane.classes.iter().find(|(n, _)| n == name) {
        Some((_, Data::Table { rows, .. })) => &rows[..],
        _ => &[],
    };
    let counts = table("counts");
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
        if let Some((_, answered)) = table("confusion").get(row) {
            let each: Vec<String> = answered.iter().map(ToString::to_string).collect();
            let _ = write!(out, "   answered {}", each.join(" "));
        }
        out.push('\n');
    }
    out
}
