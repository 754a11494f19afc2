//! Distance of a lane from its initial weights. Costs one pass over the parameters at a measured step.

use super::Seen;

/// ‖θ - θ₀‖; `None` if θ₀ was not kept.
pub(super) fn distance(seen: &mut Seen<'_>) -> Option<f64> {
    if seen.initial.is_empty() {
        return None;
    }
    let apart = |(&now, &first): (&f32, &f32)| {
        (f64::from(now) - f64::from(first)) * (f64::from(now) - f64::from(first))
    };
    let sum: f64 = seen.params.iter().zip(seen.initial).map(apart).sum();
    Some(sum.sqrt())
}
