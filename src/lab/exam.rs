//! Robustness measured during training: the steps at which measurements are due, and their form as probe and log line.
//! Measures nothing itself.
//!
//! The measured steps depend on the scenario alone, so the numbers are the same on every machine.

use crate::engine::robust::trust::TrustCheck;
use crate::engine::robust::{Accuracies, Robustness};
use crate::number::decimal;
use crate::scenario::Scenario;
use crate::telemetry::Data;
use serde::{Deserialize, Serialize};

/// Name of the probe.
pub const PROBE: &str = "robustness";

/// The sizes to measure, and the steps at which to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Exam {
    /// Sizes, steps, samples.
    pub settings: Robustness,
    /// Steps between two measurements.
    pub every: u64,
    /// Gradient evaluations that they take, as a share of those of training.
    pub share: f64,
}

impl Exam {
    /// The measurements that a scenario asks for, with these sizes added to its own; `None` if it asks for none.
    ///
    /// All lanes are measured at the same steps: those that result from the scenario's own batch size and way of
    /// predicting.
    pub fn of(scenario: &Scenario, classes: usize, sizes: Option<&[f64]>) -> Option<Self> {
        let mut settings = match sizes {
            Some(sizes) => {
                let mut settings = scenario.robustness.clone().unwrap_or_default();
                settings.sizes.extend_from_slice(sizes);
                settings
            }
            None => scenario.robustness.clone()?,
        };
        settings.sizes = settings.all_sizes();
        let looks = scenario.prediction.smoothing().map_or(1, |s| s.draws);
        let (every, share) = settings.interval(classes, looks, scenario.base().batch);
        Some(Self { settings, every, share })
    }
}

/// The results of one measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct ExamReport {
    /// Size of noise and attacks.
    pub eps: f64,
    /// Accuracies at that size.
    pub accuracies: Accuracies,
    /// Whether they can be trusted.
    pub checks: Vec<TrustCheck>,
    /// Accuracies at every size, at the end of a run.
    pub curve: Vec<(f64, Accuracies)>,
    /// The cost of measuring, as a share of training.
    pub share: f64,
}

impl ExamReport {
    /// The reasons why the numbers cannot be trusted: the failed checks, each with its reason.
    pub fn distrust(&self) -> Vec<String> {
        self.checks.iter().filter_map(|c| Some(format!("{}: {}", c.name, c.failure.as_ref()?))).collect()
    }

    /// The report as parts of a probe: see [`crate::telemetry::Event::Probed`].
    pub fn parts(&self) -> Vec<(String, Data)> {
        let a = self.accuracies;
        let scalars = [
            ("eps", self.eps),
            ("clean", a.clean),
            ("noise", a.noise),
            ("fgsm", a.fgsm),
            ("pgd", a.pgd),
            ("share", self.share),
        ];
        let mut parts: Vec<_> = scalars.map(|(name, x)| (name.to_string(), Data::Scalar(x))).into();
        let checks = self.checks.iter().map(|c| {
            let words = c.failure.as_ref().map_or_else(|| c.name.into(), |f| format!("{}: {f}", c.name));
            (words, vec![f32::from(u8::from(c.failure.is_none()))])
        });
        parts.push(("checks".into(), Data::Table { columns: vec!["holds".into()], rows: checks.collect() }));
        if !self.curve.is_empty() {
            let rows = self.curve.iter().map(|(eps, a)| {
                (format!("{eps}"), [*eps, a.clean, a.noise, a.fgsm, a.pgd].map(|x| x as f32).to_vec())
            });
            let columns = ["eps", "clean", "noise", "fgsm", "pgd"].map(String::from).into();
            parts.push(("curve".into(), Data::Table { columns, rows: rows.collect() }));
        }
        parts
    }

    /// Its form in the log.
    pub fn row(&self) -> ExamRow {
        let Accuracies { clean, noise, fgsm, pgd } = self.accuracies;
        ExamRow { eps: self.eps, clean, noise, fgsm, pgd, distrust: self.distrust() }
    }
}

/// A measurement in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExamRow {
    eps: f64,
    clean: f64,
    noise: f64,
    fgsm: f64,
    pgd: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    distrust: Vec<String>,
}

impl ExamRow {
    /// The measurement as parts of a probe. The log lacks the cost of measuring and the checks that passed.
    pub fn parts(&self) -> Vec<(String, Data)> {
        let numbers = [self.eps, self.clean, self.noise, self.fgsm, self.pgd];
        let scalar = |(name, x): (&str, f64)| (name.to_string(), Data::Scalar(x));
        let mut parts: Vec<_> =
            ["eps", "clean", "noise", "fgsm", "pgd"].into_iter().zip(numbers).map(scalar).collect();
        let rows = self.distrust.iter().map(|words| (words.clone(), vec![0.0])).collect();
        parts.push(("checks".into(), Data::Table { columns: vec!["holds".into()], rows }));
        parts
    }
}

/// A lane's robustness, read back from a probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneRobustness {
    /// Size, clean, noise, FGSM, PGD: at the size of the measurements first, then at every size of the curve.
    pub rows: Vec<[f64; 5]>,
    /// Reasons why they cannot be trusted.
    pub distrust: Vec<String>,
    /// The cost of measuring, as a share of training.
    pub share: f64,
}

/// The accuracies of a measurement, in the order of a row of [`LaneRobustness`].
pub const ACCURACIES: [&str; 4] = ["clean", "noise", "fgsm", "pgd"];

impl LaneRobustness {
    /// Reads the parts of a probe.
    pub fn read(parts: &[(String, Data)]) -> Self {
        let part = |name: &str| parts.iter().find(|(n, _)| n == name).map(|(_, d)| d);
        let scalar = |name: &str| match part(name) {
            Some(Data::Scalar(x)) => *x,
            _ => f64::NAN,
        };
        let table = |name: &str| match part(name) {
            Some(Data::Table { rows, .. }) => &rows[..],
            _ => &[],
        };
        let mut rows = vec![["eps", "clean", "noise", "fgsm", "pgd"].map(scalar)];
        rows.extend(
            table("curve").iter().filter_map(|(_, v)| Some(<[f32; 5]>::try_from(&v[..]).ok()?.map(decimal))),
        );
        let distrust =
            table("checks").iter().filter(|(_, v)| v.first() == Some(&0.0)).map(|(w, _)| w.clone());
        Self { rows, distrust: distrust.collect(), share: scalar("share") }
    }

    /// The rows with each size once: those of the curve, or that of the measurements if there is no curve yet.
    pub fn sizes(&self) -> &[[f64; 5]] {
        if self.rows.len() > 1 { &self.rows[1..] } else { &self.rows }
    }

    /// An accuracy by its name, at a size; without a size, at that of the measurements.
    pub fn accuracy(&self, name: &str, at: Option<f64>) -> Option<f64> {
        let column = 1 + ACCURACIES.iter().position(|n| *n == name)?;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs().max(1e-6);
        let row = self.rows.iter().find(|row| at.is_none_or(|at| near(row[0], at)))?;
        Some(row[column])
    }
}
