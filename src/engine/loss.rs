//! Losses: the table, and the trait of its rows. A loss sees logits and targets, no network.

use crate::registry::registry;

pub mod cross_entropy;
mod entrywise;
pub mod margin;
pub mod output;
pub mod regression;

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// One class per row.
    Classes(&'a [u32]),
    /// One number per output; for class losses, a distribution over the classes per row.
    Values(&'a [f32]),
}

/// A loss over rows of outputs.
pub trait Loss: Send + Sync {
    /// The sum of the loss over all rows (class losses) or entries (the others).
    ///
    /// `input` holds rows of `width` outputs. If given, `each` receives the loss of each row (entry), and `grad` the
    /// gradient of `scale` times the sum.
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        grad: Option<&mut [f32]>,
        each: Option<&mut [f32]>,
    ) -> f64;

    /// The number of terms in the sum, by which the mean divides.
    fn terms(&self, input: &[f32], width: usize) -> usize;

    /// Whether the targets are classes, so that an accuracy exists.
    fn classifies(&self) -> bool;

    /// Whether it accepts a distribution over classes instead of one class, as mixed samples need it.
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
    /// The same loss without parts that only help training: no smoothing, and equal weights for all samples and
    /// classes.
    #[must_use]
    pub fn plain(&self) -> Self {
        match self {
            Self::CrossEntropy(_) => cross_entropy::CrossEntropy::default().into(),
            Self::Bce(_) => margin::Bce::default().into(),
            other => other.clone(),
        }
    }

    /// Whether classes count differently.
    pub fn weighs_classes(&self) -> bool {
        match self {
            Self::CrossEntropy(loss) => loss.class_weights != cross_entropy::ClassWeights::Equal,
            Self::Bce(loss) => loss.pos_weight != 1.0,
            _ => false,
        }
    }
}
