//! Cosine between the gradients of two successive steps: near 1 the lane walks straight, below 0 it bounces from wall to wall.
//!
//! Costs one copy of the gradient at the step before and one product at a measured step. A resumed run has no gradient of the
//! step before its first one, so the log, which must be the same for a resumed and a whole run, does not have it.

use super::Seen;
use crate::engine::kernel::{dot_f64, sum_sq_f64};

/// gᵀg'/(‖g‖‖g'‖) of the last two gradients before clipping; `None` where one is zero or was not kept.
pub(super) fn agreement(seen: &mut Seen<'_>) -> Option<f64> {
    let (before, now) = (seen.previous?, seen.gradient);
    let size = sum_sq_f64(before).sqrt() * sum_sq_f64(now).sqrt();
    (size > 0.0).then(|| dot_f64(before, now) / size)
}
