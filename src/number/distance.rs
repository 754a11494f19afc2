//! Distance of a lane from its initial weights. Costs one pass over the parameters at a measured step.

use super::StepInputs;
use crate::engine::kernel::distance_sq_f64;

/// ‖θ - θ₀‖; `None` if θ₀ was not kept.
pub(super) fn distance(seen: &mut StepInputs<'_>) -> Option<f64> {
    if seen.initial.is_empty() {
        return None;
    }
    Some(distance_sq_f64(seen.params, seen.initial).sqrt())
}
