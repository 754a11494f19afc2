//! The range and mean of numbers over the steps since the last measurement, for rows that ask for it.

use crate::number::{Between, Number, StepResult};
use crate::telemetry::Measure;
use std::sync::LazyLock;

/// The numbers that need more than the measured step.
static FOLDED: LazyLock<Vec<Number>> = LazyLock::new(|| {
    let folded = |n: &Number| !matches!(n.row().between, Between::Newest);
    Number::ALL.into_iter().filter(folded).collect()
});

/// The range and mean of one number over these steps.
#[derive(Clone, Copy, Debug)]
struct Fold {
    least: f64,
    greatest: f64,
    sum: f64,
}

/// The ranges of all numbers since the last measurement.
#[derive(Clone, Debug)]
pub(super) struct NumberRanges {
    steps: u32,
    folds: [Fold; Number::ALL.len()],
}

impl Default for NumberRanges {
    fn default() -> Self {
        // Comparisons with NaN are false, so the first number replaces it.
        let none = Fold { least: f64::NAN, greatest: f64::NAN, sum: 0.0 };
        Self { steps: 0, folds: [none; Number::ALL.len()] }
    }
}

impl NumberRanges {
    /// Includes a step. Allocates nothing.
    pub(super) fn add(&mut self, step: &StepResult) {
        self.steps += 1;
        for &number in FOLDED.iter() {
            let fold = &mut self.folds[number as usize];
            match number.row().between {
                Between::Newest => {}
                Between::Range(of) => {
                    let x = of(step);
                    (fold.least, fold.greatest) = (fold.least.min(x), fold.greatest.max(x));
                }
                Between::Mean(of) => fold.sum += of(step),
            }
        }
    }

    /// Adds these ranges and means to a measurement.
    pub(super) fn add_to(&self, measure: &mut Measure) {
        if self.steps == 0 {
            return;
        }
        for &number in FOLDED.iter() {
            let fold = self.folds[number as usize];
            match number.row().between {
                Between::Newest => {}
                Between::Range(_) => {
                    measure.least.set(number, Some(fold.least));
                    measure.greatest.set(number, Some(fold.greatest));
                }
                Between::Mean(_) => {
                    let mean = (fold.sum / f64::from(self.steps)) as f32;
                    measure.values.set(number, Some(mean.into()));
                }
            }
        }
    }
}
