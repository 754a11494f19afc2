//! Cosine between the gradients of two successive steps: near 1 the lane moves straight, below 0 it oscillates between
//! the walls of a valley.
//!
//! Costs one copy of the gradient at the step before and one product at a measured step. A resumed run lacks the
//! gradient of the step before its first one. The log therefore leaves this number out: it must be the same for a
//! resumed and an uninterrupted run.

use super::StepInputs;
use crate::engine::kernel::{dot_f64, sum_sq_f64};

/// gᵀg'/(‖g‖‖g'‖) of the last two gradients before clipping; `None` if one is zero or was not kept.
pub(super) fn agreement(seen: &mut StepInputs<'_>) -> Option<f64> {
    let (before, now) = (seen.previous?, seen.gradient);
    let size = sum_sq_f64(before).sqrt() * sum_sq_f64(now).sqrt();
    (size > 0.0).then(|| dot_f64(before, now) / size)
}
