//! The report on reading data: samples, inputs and target as found in the user's files, and warnings.
//!
//! A source provides names, notes and doubts; [`super::prepare`] adds the counts and ranges. `check`, `run` and the
//! screen show it.

use super::{Labels, Samples, Scaling};
use crate::engine::shape::Shape;
use crate::text::excerpt;

/// Inputs or classes that are listed by name; the rest is only counted.
const LISTED: usize = 10;
/// Characters of a name in a list.
const NAME: usize = 30;

/// The report on reading data. The default contains only the counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Notes of the source, one per line: the separator, rows dropped, files skipped.
    pub notes: Vec<String>,
    /// The inputs in order, if they have names.
    pub inputs: Vec<InputReport>,
    /// Names of the targets, if they have names.
    pub targets: Vec<String>,
    /// Warnings.
    pub doubts: Vec<DataWarning>,
    /// The unit of losses, if targets were scaled.
    pub scaled: Option<String>,
    /// Samples, inputs and target in words, with counts and ranges before scaling; made by [`super::prepare`].
    pub summary: Vec<String>,
}

/// One input as the file gives it: a number, or a text that became one or several numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct InputReport {
    /// The heading of its column.
    pub name: String,
    /// Its conversion to numbers.
    pub kind: InputKind,
}

/// How an input is converted to numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// It is a number already.
    Number,
    /// A text with these possible values becomes as many numbers: 1 for its own value and 0 for the others.
    OneHot(Vec<String>),
    /// A text with these possible values becomes its index among them.
    Ordinal(Vec<String>),
}

impl InputReport {
    /// Numbers of a sample that it occupies.
    pub fn width(&self) -> usize {
        match &self.kind {
            InputKind::OneHot(values) => values.len(),
            InputKind::Number | InputKind::Ordinal(_) => 1,
        }
    }
}

/// A warning about valid data that are probably not meant.
#[derive(Clone, Debug, PartialEq)]
pub struct DataWarning {
    /// The setting of the scenario at which it is shown.
    pub at: &'static str,
    /// The warning with its remedy.
    pub what: String,
}

impl DataWarning {
    /// A doubt about the data set.
    pub fn data(what: impl Into<String>) -> Self {
        Self { at: "data", what: what.into() }
    }
}

/// The range of some numbers, and the largest change when they became 32-bit numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rounding {
    low: f64,
    high: f64,
    change: f64,
}

impl Default for Rounding {
    fn default() -> Self {
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY, change: 0.0 }
    }
}

impl Rounding {
    /// Largest change that does no harm, as a part of the range.
    const HARMLESS: f64 = 1e-3;

    pub(super) fn add(&mut self, x: f64) {
        self.low = self.low.min(x);
        self.high = self.high.max(x);
        self.change = self.change.max((x - f64::from(x as f32)).abs());
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.change = self.change.max(other.change);
    }

    /// A warning about numbers that become equal, or nearly so.
    pub(super) fn words(&self, name: &str) -> Option<String> {
        let range = self.high - self.low;
        (range > 0.0 && self.change > Self::HARMLESS * range).then(|| {
            format!(
                "{name}: numbers from {} to {} are rounded to 32 bits, by up to {}, so some become equal; subtract a \
                 constant such as {} in the file",
                self.low + 0.0,
                self.high + 0.0,
                short(self.change),
                self.low + 0.0
            )
        })
    }
}

impl Reading {
    /// The whole report, one entry per line: samples, inputs, target, then the notes.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.summary.iter().chain(&self.scaled).chain(&self.notes).map(String::as_str)
    }

    /// The same, followed by the doubts.
    pub fn all(&self) -> Vec<String> {
        let doubts = self.doubts.iter().map(|doubt| format!("warning: {}", doubt.what));
        self.lines().map(str::to_string).chain(doubts).collect()
    }

    /// Notes the counts and ranges of these samples, before scaling.
    pub(super) fn describe(&mut self, train: &Samples, validation: &Samples, ends: &[(f32, f32)], how: &str) {
        self.summary = vec![
            format!("{} samples to train, {} to validate{how}", train.len(), validation.len()),
            self.describe_inputs(train.shape, ends),
            self.describe_target(train, validation),
        ];
        self.summary.extend(self.describe_each_target(train));
    }

    /// Notes how targets were scaled, and the consequence for losses.
    pub(super) fn describe_scaling(&mut self, scaling: Scaling, targets: &[(f32, f32)]) {
        let unit = match (scaling, targets) {
            (Scaling::None, _) | (_, []) => return,
            (Scaling::Standard, [(_, factor)]) => {
                format!("1 is the spread, {}", short(f64::from(1.0 / factor)))
            }
            (Scaling::Unit, [(_, factor)]) => format!("1 is the range, {}", short(f64::from(1.0 / factor))),
            (Scaling::Standard, _) => "1 is the spread of each".into(),
            (Scaling::Unit, _) => "1 is the range of each".into(),
        };
        let what = format!(
            "losses are those of scaled targets ({unit}); predictions, val_mae and val_rmse keep the unit"
        );
        self.scaled = Some(what);
    }

    fn describe_inputs(&self, shape: Shape, ends: &[(f32, f32)]) -> String {
        let all = || range(ends.iter().flat_map(|&(low, high)| [low, high]));
        match shape {
            Shape::Image { .. } => format!("inputs: pictures of {shape}, {}", all()),
            Shape::Sequence { .. } => format!("inputs: sequences of {shape}, {}", all()),
            Shape::Flat(n) if self.inputs.is_empty() => format!("{}: {}", counted(n, "input"), all()),
            Shape::Flat(n) => {
                let mut at = 0;
                let one = |input: &InputReport| {
                    let name = excerpt(&input.name, NAME);
                    let text = match &input.kind {
                        InputKind::Number => {
                            format!("{name} {}", range([ends[at].0, ends[at].1].into_iter()))
                        }
                        InputKind::OneHot(values) => format!("{name} one of {}", listed(values)),
                        InputKind::Ordinal(values) => format!("{name} numbered {}", listed(values)),
                    };
                    at += input.width();
                    text
                };
                let words: Vec<String> = self.inputs.iter().take(LISTED).map(one).collect();
                let numbers = if n == self.inputs.len() { String::new() } else { format!(" ({n} numbers)") };
                let head = counted(self.inputs.len(), "input");
                format!("{head}{numbers}: {}{}", words.join("; "), beyond(self.inputs.len()))
            }
        }
    }

    fn describe_target(&self, train: &Samples, validation: &Samples) -> String {
        let named: Vec<String> = self.targets.iter().take(LISTED).map(|n| excerpt(n, NAME)).collect();
        let named = if named.is_empty() { String::new() } else { format!(" {}", named.join(", ")) };
        match (&train.labels, &validation.labels) {
            (Labels::Values { of, shape }, _) if shape.size() == 1 => {
                format!("target{named}: a number, {}", extent(of.iter().copied()))
            }
            (Labels::Values { of, shape }, _) => {
                format!("target{named}: {} numbers, {}", shape.size(), extent(of.iter().copied()))
            }
            (
                Labels::Classes { of, names } | Labels::StepClasses { of, names },
                Labels::Classes { of: held, .. } | Labels::StepClasses { of: held, .. },
            ) => {
                let mut counts = vec![0usize; names.len()];
                // If validation uses the training samples, each is counted once.
                let held = if of == held { &[] } else { &held[..] };
                for &class in of.iter().chain(held) {
                    counts[class as usize] += 1;
                }
                let each: Vec<String> = names
                    .iter()
                    .zip(&counts)
                    .take(LISTED)
                    .map(|(name, n)| format!("{} ({n})", excerpt(name, NAME)))
                    .collect();
                let classes = format!("{} classes", names.len());
                format!("target{named}: {classes}: {}{}", each.join(", "), beyond(names.len()))
            }
            _ => format!("target{named}"),
        }
    }

    /// Range, mean and spread of each of several targets; the numbers that follow in a series are one target.
    fn describe_each_target(&self, train: &Samples) -> Vec<String> {
        let Labels::Values { of, shape: Shape::Flat(n) } = &train.labels else { return Vec::new() };
        let names = self.target_names(*n);
        let one = |(i, name): (usize, &String)| {
            format!("  {name}: {}", extent(of.iter().skip(i).step_by(*n).copied()))
        };
        let more = (names.len() > LISTED).then(|| format!("  and {} more", names.len() - LISTED));
        names.iter().enumerate().take(LISTED).map(one).chain(more).collect()
    }

    /// The names of `n` numbers to predict; none if they are one target, such as the numbers that follow in a series.
    pub fn target_names(&self, n: usize) -> Vec<String> {
        let several = n > 1 && self.targets.len() != 1;
        (0..n).filter(|_| several).map(|i| target_name(&self.targets, i)).collect()
    }
}

/// The name of a target, or its number.
pub(super) fn target_name(names: &[String], i: usize) -> String {
    names.get(i).map_or_else(|| format!("target {i}"), |name| excerpt(name, NAME))
}

/// `1 input`, `4 inputs`.
pub(super) fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn beyond(n: usize) -> String {
    if n > LISTED { format!(", and {} more", n - LISTED) } else { String::new() }
}

/// The first of these texts, and the number of the others.
pub(super) fn listed(values: &[String]) -> String {
    let first: Vec<String> = values.iter().take(LISTED).map(|v| excerpt(v, NAME)).collect();
    format!("{}{}", first.join(", "), beyond(values.len()))
}

/// `-0.94 to 5.2`.
fn range(values: impl Iterator<Item = f32>) -> String {
    let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    format!("{} to {}", short(f64::from(low)), short(f64::from(high)))
}

/// `-0.94 to 5.2, mean 2.1, spread 1.3`.
fn extent(values: impl Iterator<Item = f32> + Clone) -> String {
    let (mean, spread) = moments(values.clone());
    format!("{}, mean {}, spread {}", range(values), short(mean), short(spread))
}

/// Mean and standard deviation.
pub(super) fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / n;
    let variance = values.map(|x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// A number with four significant digits: `0.9333`, `1092`, `2.01e11`.
pub fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    if (1e-3..1e7).contains(&x.abs()) { format!("{rounded}") } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::scale::observed;

    #[test]
    fn inputs_targets_and_counts_are_told() {
        let samples = Samples {
            shape: Shape::Flat(3),
            inputs: vec![0.5, 1.0, 0.0, -2.0, 0.0, 1.0],
            labels: Labels::Classes { of: vec![0, 1], names: vec!["no".into(), "yes".into()] },
        };
        let mut reading = Reading {
            inputs: vec![
                InputReport { name: "size".into(), kind: InputKind::Number },
                InputReport {
                    name: "colour".into(),
                    kind: InputKind::OneHot(vec!["red".into(), "blue".into()]),
                },
            ],
            targets: vec!["sold".into()],
            notes: vec!["separator ;".into()],
            ..Reading::default()
        };
        reading.describe(&samples, &samples, &observed(&samples), "");
        let lines: Vec<&str> = reading.lines().collect();
        assert_eq!(
            lines,
            [
                "2 samples to train, 2 to validate",
                "2 inputs (3 numbers): size -2 to 0.5; colour one of red, blue",
                "target sold: 2 classes: no (1), yes (1)",
                "separator ;",
            ]
        );
    }

    #[test]
    fn each_of_several_targets_is_told_and_a_series_is_one() {
        let given = |n: usize, names: &[&str]| {
            let of = (0..4 * n).map(|i| (i / n * 10_usize.pow((i % n) as u32 % 5)) as f32).collect();
            let labels = Labels::Values { of, shape: Shape::Flat(n) };
            let samples = Samples { shape: Shape::Flat(1), inputs: vec![0.0; 4], labels };
            let mut reading =
                Reading { targets: names.iter().map(ToString::to_string).collect(), ..Reading::default() };
            reading.describe(&samples, &samples, &observed(&samples), "");
            reading.summary.split_off(2)
        };
        assert_eq!(
            given(2, &["heat", "cold"]),
            [
                "target heat, cold: 2 numbers, 0 to 30, mean 8.25, spread 10.43",
                "  heat: 0 to 3, mean 1.5, spread 1.118",
                "  cold: 0 to 30, mean 15, spread 11.18",
            ]
        );
        let unnamed = given(30, &[]);
        assert_eq!((unnamed.len(), unnamed[1].split(':').next()), (12, Some("  target 0")));
        assert_eq!(unnamed[11], "  and 20 more");
        assert_eq!(given(3, &["load"]).len(), 1);
    }

    #[test]
    fn numbers_keep_four_digits() {
        for (x, text) in
            [(0.0, "0"), (1092.47, "1092"), (0.93333, "0.9333"), (2.0103e11, "2.01e11"), (-3.0, "-3")]
        {
            assert_eq!(short(x), text);
        }
    }
}
