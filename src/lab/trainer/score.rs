//! Compares predictions with targets, beyond the loss: counts for each class, or errors of values. Sums up its input;
//! knows no network.

use super::batch::argmax;
use crate::engine::data::Labels;
use crate::engine::loss::Targets;
use crate::lab::experiment::Data;
use crate::telemetry::Data as Probed;

/// Most classes for which every pair of label and prediction is counted.
pub const CONFUSED: usize = 64;

/// Sums over validation samples.
#[derive(Clone, Debug, Default)]
pub struct ValidationSums {
    /// For every class: samples, predictions, right predictions.
    pub classes: Vec<[u32; 3]>,
    /// Samples with a label (row) that were predicted as a class (column); empty beyond [`CONFUSED`] classes.
    pub confusion: Vec<u32>,
    /// For every output: terms, Σ|error|, Σ error², Σ target, Σ target².
    numbers: Vec<[f64; 5]>,
}

impl ValidationSums {
    /// Clears the sums, for this many outputs.
    pub fn clear(&mut self, width: usize, classes: bool) {
        self.classes.clear();
        self.confusion.clear();
        self.numbers.clear();
        if classes {
            self.classes.resize(width, [0; 3]);
            self.confusion.resize(if width <= CONFUSED { width * width } else { 0 }, 0);
        } else {
            self.numbers.resize(width, [0.0; 5]);
        }
    }

    /// Adds rows of outputs; a prediction that is NaN counts for no class.
    pub fn add(&mut self, output: &[f32], width: usize, targets: Targets<'_>) {
        match targets {
            Targets::Classes(classes) => {
                for (row, &class) in output.chunks_exact(width).zip(classes) {
                    let class = class as usize;
                    self.classes[class][0] += 1;
                    let Some(answer) = argmax(row) else { continue };
                    self.classes[answer][1] += 1;
                    self.classes[class][2] += u32::from(answer == class);
                    if let Some(count) = self.confusion.get_mut(class * width + answer) {
                        *count += 1;
                    }
                }
            }
            Targets::Values(values) => {
                for (row, wanted) in output.chunks_exact(width).zip(values.chunks_exact(width)) {
                    for ((sums, &x), &t) in self.numbers.iter_mut().zip(row).zip(wanted) {
                        let (error, t) = (f64::from(x) - f64::from(t), f64::from(t));
                        for (sum, term) in sums.iter_mut().zip([1.0, error.abs(), error * error, t, t * t]) {
                            *sum += term;
                        }
                    }
                }
            }
        }
    }

    /// Mean absolute error over all outputs; `unit` converts an error of an output to the unit of the data. `None` with
    /// classes.
    pub fn mae(&self, unit: impl Fn(usize, f32) -> f32) -> Option<f64> {
        let each = self.numbers.iter().enumerate();
        let (n, sum) =
            each.fold((0.0, 0.0), |(n, sum), (i, s)| (n + s[0], sum + s[1] * f64::from(unit(i, 1.0))));
        (n > 0.0).then(|| sum / n)
    }

    /// Root of the mean squared error over all outputs, in the unit of the data as in [`ValidationSums::mae`]; `None` with
    /// classes.
    pub fn rmse(&self, unit: impl Fn(usize, f32) -> f32) -> Option<f64> {
        let each = self.numbers.iter().enumerate();
        let (n, sum) = each
            .fold((0.0, 0.0), |(n, sum), (i, s)| (n + s[0], sum + s[2] * f64::from(unit(i, 1.0)).powi(2)));
        (n > 0.0).then(|| (sum / n).sqrt())
    }

    /// The coefficient of determination 1 - Σ error²/Σ(target - mean)², the mean over outputs: 1 is perfect, 0 as good
    /// as always predicting the mean. `None` with classes, or if all targets are the same.
    pub fn r2(&self) -> Option<f64> {
        let all: Option<Vec<f64>> = self.numbers.iter().map(determination).collect();
        all.filter(|r| !r.is_empty()).map(|r| r.iter().sum::<f64>() / r.len() as f64)
    }

    /// The smallest recall of any class; `None` for regressions.
    pub fn recall(&self) -> Option<f64> {
        let shares = self.classes.iter().filter(|c| c[0] > 0).map(|c| f64::from(c[2]) / f64::from(c[0]));
        shares.reduce(f64::min)
    }

    /// The smallest precision of any class; a class that is never predicted has 0, as in scikit-learn.
    pub fn precision(&self) -> Option<f64> {
        let shares = self.classes.iter().filter(|c| c[0] > 0);
        shares.map(|c| f64::from(c[2]) / f64::from(c[1].max(1))).reduce(f64::min)
    }
}

/// The coefficient of determination of one output, from its sums; `None` if all its targets are the same.
fn determination([n, _, squares, sum, all]: &[f64; 5]) -> Option<f64> {
    let spread = all - sum * sum / n;
    (spread > 1e-12 * all).then(|| 1.0 - squares / spread)
}

/// Name of the probe with the counts of classes, or the errors of several targets, when a lane stops.
pub const PROBE: &str = "scores";

impl ValidationSums {
    /// The sums as parts of a probe. With classes: `counts`, with a row per class of samples, predictions and right
    /// predictions, and `confusion`, with a row per label of the predictions for its samples. With several targets:
    /// `errors`, with a row per target, in the unit of the data. Empty with one target.
    pub fn parts(&self, data: &Data) -> Vec<(String, Probed)> {
        let (Labels::Classes { names, .. } | Labels::StepClasses { names, .. }) = &data.train.labels else {
            return self.errors(data);
        };
        let rows = |values: Vec<Vec<f32>>| names.iter().cloned().zip(values).collect();
        let float = |of: &[u32]| of.iter().map(|n| *n as f32).collect::<Vec<f32>>();
        let columns = ["samples", "answers", "hits"].map(String::from).into();
        let counts = rows(self.classes.iter().map(|c| float(c)).collect());
        let mut parts = vec![("counts".into(), Probed::Table { columns, rows: counts })];
        if !self.confusion.is_empty() {
            let confusion = rows(self.confusion.chunks(names.len()).map(float).collect());
            parts.push(("confusion".into(), Probed::Table { columns: names.clone(), rows: confusion }));
        }
        parts
    }

    fn errors(&self, data: &Data) -> Vec<(String, Probed)> {
        let wanted = self.numbers.len();
        let names = data.reading.target_names(wanted);
        let of = |(i, (name, sums)): (usize, (String, &[f64; 5]))| {
            let unit = f64::from(data.error_in_unit(i, 1.0));
            let mean = |sum: f64| sum / sums[0].max(1.0);
            let errors = [mean(sums[1]) * unit, mean(sums[2]).sqrt() * unit];
            let errors = errors.into_iter().chain([determination(sums).unwrap_or(f64::NAN)]);
            (name, errors.map(|x| x as f32).collect())
        };
        let rows: Vec<_> = names.into_iter().zip(&self.numbers).enumerate().map(of).collect();
        let columns = ["mae", "rmse", "r2"].map(String::from).into();
        if rows.is_empty() { Vec::new() } else { vec![("errors".into(), Probed::Table { columns, rows })] }
    }
}

/// The best prediction without a network, and its result on the validation samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// Always the most frequent class of the training samples.
    Majority {
        /// The class.
        class: String,
        /// Its share of the validation samples.
        accuracy: f64,
    },
    /// Always the mean of the training samples.
    Mean {
        /// The mean absolute error.
        mae: f64,
        /// The root of the mean squared error.
        rmse: f64,
        /// The coefficient of determination.
        r2: Option<f64>,
    },
}

impl Baseline {
    /// The baseline of these data.
    pub fn of(data: &Data) -> Self {
        match (&data.train.labels, &data.validation.labels) {
            (
                Labels::Classes { of, names } | Labels::StepClasses { of, names },
                Labels::Classes { of: held, .. } | Labels::StepClasses { of: held, .. },
            ) => {
                let mut counts = vec![0usize; names.len()];
                for &class in of {
                    counts[class as usize] += 1;
                }
                // The first of equally frequent classes.
                let most = counts.iter().max().copied().unwrap_or(0);
                let class = counts.iter().position(|n| *n == most).unwrap_or(0);
                let hits = held.iter().filter(|c| **c as usize == class).count();
                Self::Majority {
                    class: names.get(class).cloned().unwrap_or_default(),
                    accuracy: hits as f64 / held.len().max(1) as f64,
                }
            }
            (Labels::Values { of, shape }, Labels::Values { of: held, .. }) => {
                let width = shape.rows_of().1.max(1);
                let mut means = vec![0.0f64; width];
                for row in of.chunks_exact(width) {
                    means.iter_mut().zip(row).for_each(|(m, &t)| *m += f64::from(t));
                }
                let rows = (of.len() / width).max(1) as f64;
                let answer: Vec<f32> = means.iter().map(|m| (m / rows) as f32).collect();
                let mut score = ValidationSums::default();
                score.clear(width, false);
                for row in held.chunks_exact(width) {
                    score.add(&answer, width, Targets::Values(row));
                }
                Self::Mean {
                    mae: score.mae(|i, e| data.error_in_unit(i, e)).unwrap_or(f64::NAN),
                    rmse: score.rmse(|i, e| data.error_in_unit(i, e)).unwrap_or(f64::NAN),
                    r2: score.r2(),
                }
            }
            _ => unreachable!("training and validation samples have labels of one kind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_numbers_are_those_of_scikit_learn() {
        // sklearn.metrics 1.7: r2_score and mean_absolute_error of its own example.
        let mut score = ValidationSums::default();
        score.clear(1, false);
        score.add(&[2.5, 0.0, 2.0, 8.0], 1, Targets::Values(&[3.0, -0.5, 2.0, 7.0]));
        assert!((score.r2().expect("a spread") - 0.948_608_137).abs() < 1e-8);
        assert!((score.mae(|_, e| e).expect("numbers") - 0.5).abs() < 1e-12);
        assert!((score.rmse(|_, e| e).expect("numbers") - 0.375f64.sqrt()).abs() < 1e-12);
        // Targets were divided by 10.
        assert!((score.rmse(|_, e| 10.0 * e).expect("numbers") - 37.5f64.sqrt()).abs() < 1e-6);
        score.clear(1, false);
        score.add(&[1.0, 2.0], 1, Targets::Values(&[4.0, 4.0]));
        assert_eq!((score.r2(), score.recall()), (None, None));
    }

    #[test]
    fn recall_and_precision_are_those_of_the_worst_class() {
        let mut score = ValidationSums::default();
        score.clear(2, true);
        let no = [1.0, 0.0];
        let yes = [0.0, 1.0];
        let answers = [no, no, no, yes, no, yes].concat();
        score.add(&answers, 2, Targets::Classes(&[0, 0, 0, 0, 1, 1]));
        assert_eq!(score.classes, [[4, 4, 3], [2, 2, 1]]);
        assert_eq!(score.confusion, [3, 1, 1, 1]);
        assert_eq!((score.recall(), score.precision()), (Some(0.5), Some(0.5)));
        score.clear(2, true);
        score.add(&[no, no].concat(), 2, Targets::Classes(&[0, 1]));
        assert_eq!((score.recall(), score.precision()), (Some(0.0), Some(0.0)), "never answered");
    }
}
