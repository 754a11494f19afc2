//! Scales inputs and targets with statistics of the training samples only.

use super::{Labels, Samples, SourceError};
use crate::engine::shape::Shape;
use crate::registry::plain_values;
use serde::{Deserialize, Serialize};

/// How inputs are scaled, with statistics of the training samples only.
///
/// A feature is an entry of a vector, a channel of an image, or a feature of a sequence at all its steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scaling {
    /// Unchanged.
    #[default]
    None,
    /// Every feature has mean 0 and standard deviation 1.
    Standard,
    /// Every feature lies in [0, 1].
    Unit,
}
plain_values!(Scaling);

/// The feature to which the i-th number of a sample belongs.
pub(super) fn feature(shape: Shape, i: usize) -> usize {
    match shape {
        Shape::Flat(_) => i,
        Shape::Image { height, width, .. } => i / (height * width),
        Shape::Sequence { features, .. } => i % features,
    }
}

/// Shift and factor of every feature: x ← (x - shift) · factor.
pub(super) fn affine(train: &Samples, scaling: Scaling) -> Vec<(f32, f32)> {
    affine_of(train.shape, &train.inputs, scaling)
}

fn affine_of(shape: Shape, inputs: &[f32], scaling: Scaling) -> Vec<(f32, f32)> {
    let size = shape.size();
    let features = (0..size).map(|i| feature(shape, i)).max().map_or(0, |f| f + 1);
    // Count, sum and sum of squares in f64, relative to the first value, to avoid cancellation.
    let mut about = vec![0.0f64; features];
    let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); features];
    let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); features];
    for (i, &x) in inputs[..size].iter().enumerate().rev() {
        about[feature(shape, i)] = f64::from(x);
    }
    for sample in inputs.chunks_exact(size) {
        for (i, &x) in sample.iter().enumerate() {
            let f = feature(shape, i);
            let d = f64::from(x) - about[f];
            sums[f] = (sums[f].0 + 1.0, sums[f].1 + d, sums[f].2 + d * d);
            ends[f] = (ends[f].0.min(x), ends[f].1.max(x));
        }
    }
    // A constant feature is only shifted.
    let inverse = |width: f64| if width > 0.0 { (1.0 / width) as f32 } else { 1.0 };
    (0..features)
        .map(|f| match scaling {
            Scaling::None => (0.0, 1.0),
            Scaling::Unit => (ends[f].0, inverse(f64::from(ends[f].1) - f64::from(ends[f].0))),
            Scaling::Standard => {
                let (n, sum, square) = sums[f];
                let mean = sum / n;
                let variance = (square / n - mean * mean).max(0.0);
                ((about[f] + mean) as f32, inverse(variance.sqrt()))
            }
        })
        .collect()
}

/// Scales the inputs.
pub(super) fn apply(samples: &mut Samples, affine: &[(f32, f32)]) {
    apply_to(samples.shape, &mut samples.inputs, affine);
}

fn apply_to(shape: Shape, values: &mut [f32], affine: &[(f32, f32)]) {
    for sample in values.chunks_exact_mut(shape.size()) {
        for (i, x) in sample.iter_mut().enumerate() {
            let (shift, factor) = affine[feature(shape, i)];
            *x = (*x - shift) * factor;
        }
    }
}

/// The least and the greatest value of every number of a sample.
pub(super) fn observed(samples: &Samples) -> Vec<(f32, f32)> {
    let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); samples.shape.size()];
    for sample in samples.inputs.chunks_exact(ends.len()) {
        for (end, &x) in ends.iter_mut().zip(sample) {
            *end = (end.0.min(x), end.1.max(x));
        }
    }
    ends
}

/// Scales the targets; returns shift and factor of each.
pub(super) fn scale_targets(
    train: &mut Samples,
    validation: &mut Samples,
    scaling: Scaling,
) -> Result<Vec<(f32, f32)>, SourceError> {
    if scaling == Scaling::None {
        return Ok(Vec::new());
    }
    match (&mut train.labels, &mut validation.labels) {
        (Labels::Values { of, shape }, Labels::Values { of: held, .. }) => {
            let affine = affine_of(*shape, of, scaling);
            apply_to(*shape, of, &affine);
            apply_to(*shape, held, &affine);
            Ok(affine)
        }
        _ => Err(SourceError::new("target_scaling: the target is a class, no number; leave it out")),
    }
}
