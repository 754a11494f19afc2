//! The gradient noise scale: the batch size around which noise and gradient are of the same size. Far below it larger
//! batches help in proportion, far above it they are wasted.
//!
//! Costs one more gradient of the batch, and only at steps with an evaluation.
//!
//! # Reference
//! `McCandlish` et al., An empirical model of large-batch training, 2018, arXiv:1812.06162, appendix A.1. The paper
//! averages both parts of the quotient over steps; a single batch is a noisy estimate.

use super::StepInputs;
use crate::engine::diagnostics::two_batch_noise_scale;
use crate::engine::kernel::sum_sq_f64;

/// Most parts into which a batch is split.
pub const PARTS: usize = 8;

/// tr(Σ)/|G|², from the gradients of up to eight equal parts of the batch and of all of them together.
///
/// `None` for a batch of one, if a batch's gradient is not the mean over its rows, and if the noise hides the gradient:
/// the estimate of |G|² is then not positive.
pub(super) fn noise_scale(seen: &mut StepInputs<'_>) -> Option<f64> {
    let parts = PARTS.min(seen.rows);
    if parts < 2 {
        return None;
    }
    let each = seen.rows / parts;
    let of = seen.part.as_mut()?;
    let (mut gradient, mut mean) = (vec![0.0; seen.params.len()], vec![0.0; seen.params.len()]);
    let mut small = 0.0;
    for part in 0..parts {
        of(part * each..(part + 1) * each, &mut gradient);
        small += sum_sq_f64(&gradient) / parts as f64;
        mean.iter_mut().zip(&gradient).for_each(|(m, g)| *m += g / parts as f32);
    }
    let scale = two_batch_noise_scale((each, small), (parts * each, sum_sq_f64(&mean)));
    (scale.sq_norm > 0.0).then_some(scale.simple)
}
