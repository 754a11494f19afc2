//! Losses: the table, and the trait of its rows. A loss sees logits and targets, no network.

use crate::engine::data::Labels;
use crate::registry::registry;

pub mod cross_entropy;
mod entrywise;
pub mod margin;
pub mod output;
pub mod regression;

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// One class a row.
    Classes(&'a [u32]),
    /// One number an output; for class losses a distribution over the classes a row.
    Values(&'a [f32]),
}

/// A loss over rows of outputs.
pub trait Loss: Send + Sync {
    /// The sum of the loss over all rows (class losses) or entries (the others).
    ///
    /// `input` holds rows of `width` outputs. Each row's (entry's) loss goes to `each` where it is wanted; the gradient
    /// of `scale` times the sum goes to `grad`.
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        grad: Option<&mut [f32]>,
        each: Option<&mut [f32]>,
    ) -> f64;

    /// How many terms the sum has, by which the mean divides.
    fn terms(&self, input: &[f32], width: usize) -> usize;

    /// Whether the targets are classes, whose share of hits is the accuracy.
    fn classifies(&self) -> bool;

    /// Whether it accepts a distribution over classes instead of one class, as mixed samples have it.
    fn takes_shares(&self) -> bool {
        true
    }
}

registry! {
    /// Every loss that a scenario can name.
    pub enum LossConfig: dyn Loss {
        CrossEntropy(cross_entropy::CrossEntropy),
        Bce(margin::Bce),
        Mse(regression::Mse),
        Mae(regression::Mae),
        Huber(regression::Huber),
        SmoothL1(regression::SmoothL1),
        Hinge(margin::Hinge),
        MultiMargin(margin::MultiMargin),
        Output(output::Output),
    }
}

impl LossConfig {
    /// The same without what only serves training: no smoothing, every sample and answer counting the same.
    #[must_use]
    pub fn plain(&self) -> Self {
        match self {
            Self::CrossEntropy(_) => cross_entropy::CrossEntropy::default().into(),
            Self::Bce(_) => margin::Bce::default().into(),
            other => other.clone(),
        }
    }

    /// The same with the numbers that balanced class weights stand for among samples with these labels.
    #[must_use]
    pub fn among(&self, labels: &Labels) -> Self {
        match (self, labels) {
            (Self::CrossEntropy(loss), Labels::Classes { of, names } | Labels::StepClasses { of, names }) => {
                let class_weights = loss.class_weights.among(of, names.len());
                cross_entropy::CrossEntropy { class_weights, ..loss.clone() }.into()
            }
            _ => self.clone(),
        }
    }
}
