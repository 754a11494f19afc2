//! Kurtosis of a layer's gradient: 3 for a normal distribution, large where few weights get nearly all of it. Costs three
//! passes over the gradient at a measured step.

use super::{LayerSeen, StepInputs};
use crate::engine::kernel::{central_sums_f64, sum_f64};

/// E[(g - ḡ)⁴]/E[(g - ḡ)²]² over the parameters of a layer; `None` if all entries are equal.
pub(super) fn kurtosis(seen: &StepInputs<'_>, layer: &LayerSeen) -> Option<f32> {
    let gradient = &seen.gradient[layer.params()?];
    let count = gradient.len() as f64;
    let mean = sum_f64(gradient) / count;
    let (second, fourth) = central_sums_f64(gradient, mean);
    (second > 0.0).then(|| (fourth * count / (second * second)) as f32)
}
