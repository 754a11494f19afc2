//! The task of an attack: inputs, classes, valid range, random key; and functions that judge its result.

use crate::engine::rng::{Purpose, Stream};
use std::ops::Range;

/// The valid range of the inputs, to which every perturbed input is clamped. Finite, low <= high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValidRange<'a> {
    /// The same range for all features, such as [0, 1] for pixels.
    All(f32, f32),
    /// A range for each feature of a sample.
    Each {
        /// Least values.
        low: &'a [f32],
        /// Greatest values.
        high: &'a [f32],
    },
}

impl ValidRange<'_> {
    /// The range of feature `i` of a sample.
    #[inline]
    pub fn of(&self, i: usize) -> (f32, f32) {
        match self {
            Self::All(low, high) => (*low, *high),
            Self::Each { low, high } => (low[i], high[i]),
        }
    }

    /// x clamped to the range of feature `i`.
    #[inline]
    pub fn clamp(&self, i: usize, x: f32) -> f32 {
        let (low, high) = self.of(i);
        // `f32::clamp` would panic if low > high.
        x.max(low).min(high)
    }

    /// The largest distance of these samples, of `size` numbers each, beyond the range; NaN counts as infinitely far.
    pub fn excess(&self, x: &[f32], size: usize) -> f32 {
        let beyond = |(i, &x): (usize, &f32)| {
            let (low, high) = self.of(i % size);
            if x.is_nan() { f32::INFINITY } else { (low - x).max(x - high).max(0.0) }
        };
        x.iter().enumerate().map(beyond).fold(0.0, f32::max)
    }
}

/// The least and the greatest value of every feature over samples of `size` numbers, used as the valid range of tables.
pub fn feature_range(inputs: &[f32], size: usize) -> (Vec<f32>, Vec<f32>) {
    let mut low = vec![f32::INFINITY; size];
    let mut high = vec![f32::NEG_INFINITY; size];
    for sample in inputs.chunks_exact(size) {
        for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(sample) {
            *low = low.min(x);
            *high = high.max(x);
        }
    }
    (low, high)
}

/// The key of random draws: sample number `first + row` at `step` of an experiment; it does not depend on the position
/// in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomKey {
    /// Seed of the experiment.
    pub seed: u64,
    /// The step, or another number that distinguishes uses.
    pub step: u64,
    /// Number of the first sample.
    pub first: u64,
}

impl RandomKey {
    /// The stream of one sample.
    pub fn stream(&self, purpose: Purpose, row: usize) -> Stream {
        Stream::new(self.seed, purpose, self.step, self.first + row as u64)
    }
}

/// The inputs to perturb, and the aim.
#[derive(Clone, Copy, Debug)]
pub struct AttackTask<'a> {
    /// The clean inputs, one sample after another.
    pub x: &'a [f32],
    /// The label of each sample, or its target if `targeted`.
    pub classes: &'a [u32],
    /// Whether the attack aims at `classes` instead of away from them.
    pub targeted: bool,
    /// The range that inputs may not leave.
    pub valid: ValidRange<'a>,
    /// The key of random draws.
    pub key: RandomKey,
}

impl AttackTask<'_> {
    /// The part of the task for these rows.
    #[must_use]
    pub fn part(&self, rows: Range<usize>, size: usize) -> Self {
        let first = self.key.first + rows.start as u64;
        Self {
            x: &self.x[rows.start * size..rows.end * size],
            classes: &self.classes[rows],
            key: RandomKey { first, ..self.key },
            ..*self
        }
    }

    /// The sign with which the gradient of the loss is followed: 1, or -1 if targeted.
    pub fn direction(&self) -> f32 {
        if self.targeted { -1.0 } else { 1.0 }
    }
}

/// The sign with sign(0) = 0, as in the papers and in `PyTorch`, and 0 for NaN (`f32::signum(0.0)` is 1).
#[inline(always)]
pub fn sign(x: f32) -> f32 {
    f32::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// The class with the greatest logit, the first on ties; `None` if a logit is NaN.
pub fn predicted(logits: &[f32]) -> Option<u32> {
    let mut best = 0;
    for (j, z) in logits.iter().enumerate() {
        if z.is_nan() {
            return None;
        }
        if *z > logits[best] {
            best = j;
        }
    }
    Some(best as u32)
}

/// Whether an attack has succeeded: prediction = target, or prediction ≠ label.
pub fn fooled(logits: &[f32], class: u32, targeted: bool) -> bool {
    (predicted(logits) == Some(class)) == targeted
}

/// The margin by which an attack has succeeded: positive where `fooled` holds, except for ties.
///
/// Untargeted: the greatest other logit minus that of the label. Targeted: the logit of the target minus the greatest
/// other.
pub fn margin(logits: &[f32], class: u32, targeted: bool) -> f32 {
    let own = logits[class as usize];
    let lead = best_other(logits, class).map_or(f32::NEG_INFINITY, |j| logits[j]) - own;
    if targeted { -lead } else { lead }
}

/// The class with the greatest logit other than this class; `None` if there is no other.
pub fn best_other(logits: &[f32], class: u32) -> Option<usize> {
    let others = (0..logits.len()).filter(|&j| j != class as usize);
    others.reduce(|best, j| if logits[j] > logits[best] { j } else { best })
}

/// The size of one sample's perturbation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// The largest change of a feature.
    pub linf: f32,
    /// The Euclidean length.
    pub l2: f32,
    /// The number of changed features.
    pub l0: usize,
}

/// The distance of a perturbed sample from the clean one.
pub fn distance(clean: &[f32], perturbed: &[f32]) -> Distance {
    let mut d = Distance::default();
    let mut square = 0.0f64;
    for (a, b) in clean.iter().zip(perturbed) {
        let change = (b - a).abs();
        d.linf = d.linf.max(change);
        square += f64::from(change) * f64::from(change);
        d.l0 += usize::from(change != 0.0);
    }
    d.l2 = square.sqrt() as f32;
    d
}
