//! Mixed samples with mixed targets.

use super::{Augment, AugmentBatch};
use crate::engine::rng::{self, Purpose, Stream};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Mixes each sample and its target with another one of the batch. Zhang et al. 2018, arXiv:1710.09412.
    pub struct Mixup {
        /// α of the share λ ~ Beta(α, α): 0 mixes nothing, 1 takes every share alike
        alpha: f64 = 0.2, 0.0..=100.0;
    }
}

/// The logarithm of a draw from Gamma(α, 1), α > 0. Marsaglia & Tsang 2000, doi:10.1145/358407.358414.
fn ln_gamma_draw(draws: &mut Stream, alpha: f64) -> f64 {
    // 1 - u lies in (0, 1], so the logarithms are finite.
    let open = |draws: &mut Stream| 1.0 - f64::from(draws.unit());
    // For α below 1 the draw is that of α + 1 times u^(1/α), which may underflow; its logarithm does not.
    let (shape, lost) =
        if alpha < 1.0 { (alpha + 1.0, libm::log(open(draws)) / alpha) } else { (alpha, 0.0) };
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let z = f64::from(draws.normal());
        let v = (1.0 + c * z) * (1.0 + c * z) * (1.0 + c * z);
        if v > 0.0 && libm::log(open(draws)) < 0.5 * z * z + d - d * v + d * libm::log(v) {
            return libm::log(d * v) + lost;
        }
    }
}

/// A draw from Beta(α, α).
pub(super) fn beta(draws: &mut Stream, alpha: f64) -> f64 {
    let (a, b) = (ln_gamma_draw(draws, alpha), ln_gamma_draw(draws, alpha));
    1.0 / (1.0 + libm::exp(b - a))
}

/// Rows ← λ row + (1-λ) next row, where the first row follows the last; each row has its own share λ.
fn blend(rows: &mut [f32], size: usize, first: &mut [f32], mut share: impl FnMut(usize) -> f32) {
    if rows.is_empty() || size == 0 {
        return;
    }
    first.copy_from_slice(&rows[..size]);
    let count = rows.len() / size;
    for row in 0..count {
        let keep = share(row);
        let (own, rest) = rows[row * size..].split_at_mut(size);
        let other: &[f32] = if row + 1 == count { first } else { &rest[..size] };
        for (x, &y) in own.iter_mut().zip(other) {
            *x = keep * *x + (1.0 - keep) * y;
        }
    }
}

impl Augment for Mixup {
    fn fits(&self, _: Shape) -> Result<(), String> {
        Ok(())
    }

    fn mixes(&self) -> bool {
        true
    }

    /// # Notes
    /// The paper mixes with a permutation of the batch and draws one λ for all of it. Here each sample has its own λ,
    /// whatever batch it is in, and its partner is the next sample: batches are shuffled already.
    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        if self.alpha == 0.0 {
            return;
        }
        let (size, samples) = (batch.shape.size(), batch.samples);
        let (seed, epoch, salt) = (batch.seed, batch.epoch, batch.salt);
        let share = |row: usize| {
            let index = rng::hash([salt, u64::from(samples[row])]);
            beta(&mut Stream::new(seed, Purpose::Augment, epoch, index), self.alpha) as f32
        };
        let each = batch.targets.len() / samples.len().max(1);
        blend(batch.inputs, size, &mut batch.scratch[..size], share);
        blend(batch.targets, each, &mut batch.scratch[..each], share);
    }
}
