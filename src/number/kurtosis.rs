//! Kurtosis of a layer's gradient: 3 for a normal distribution, large where few weights get nearly all of it. Costs two
//! passes over the gradient at a measured step.

use super::{LayerSeen, Seen};

/// E[(g - ḡ)⁴]/E[(g - ḡ)²]² over the parameters of a layer; `None` if all entries are equal.
pub(super) fn kurtosis(seen: &Seen<'_>, layer: &LayerSeen) -> Option<f32> {
    let gradient = &seen.gradient[layer.params()?];
    let count = gradient.len() as f64;
    let mean = gradient.iter().map(|&g| f64::from(g)).sum::<f64>() / count;
    let (mut second, mut fourth) = (0.0, 0.0);
    for &g in gradient {
        let square = (f64::from(g) - mean) * (f64::from(g) - mean);
        second += square;
        fourth += square * square;
    }
    (second > 0.0).then(|| (fourth * count / (second * second)) as f32)
}
