//! Clipping of each tensor, or each unit of it, by itself.

use super::Clip;
use crate::engine::{kernel, network::Slot, team::Team};
use crate::registry::settings;

settings! {
    /// The norm of every tensor's gradient to at most max_norm, each by itself.
    pub struct PerLayer {
        /// the largest norm that passes unchanged
        max_norm: f64 = 1.0, 0.0..=1e9;
        /// added to the norm
        eps: f64 = 0.0, 0.0..=1.0;
    }
}

impl Clip for PerLayer {
    fn clip(&self, grads: &mut [f32], _: f32, _: &[f32], slots: &[Slot], _: &dyn Team) -> bool {
        let mut clipped = false;
        for slot in slots {
            let grads = &mut grads[slot.range.clone()];
            let factor = self.max_norm / (kernel::sum_sq_f64(grads).sqrt() + self.eps);
            clipped |= shorten(grads, factor);
        }
        clipped
    }
}

settings! {
    /// The root mean square of every tensor's gradient to at most threshold, each by itself. Shazeer & Stern 2018, arXiv:1804.04235.
    pub struct PerLayerRms {
        /// the largest root mean square that passes unchanged
        threshold: f64 = 1.0, 1e-12..=1e9;
    }
}

impl Clip for PerLayerRms {
    fn clip(&self, grads: &mut [f32], _: f32, _: &[f32], slots: &[Slot], _: &dyn Team) -> bool {
        let mut clipped = false;
        for slot in slots.iter().filter(|s| !s.range.is_empty()) {
            let grads = &mut grads[slot.range.clone()];
            let mean_square = kernel::sum_sq_f64(grads) / grads.len() as f64;
            clipped |= shorten(grads, self.threshold / mean_square.sqrt());
        }
        clipped
    }
}

settings! {
    /// Every unit's gradient to at most a share of that unit's weights (AGC). Brock et al. 2021, arXiv:2102.06171.
    pub struct Adaptive {
        /// the largest ratio of gradient to weights
        clipping: f64 = 0.01, 0.0..=1e6;
        /// the least norm of weights that counts, so that zero weights can move
        eps: f64 = 1e-3, 0.0..=1.0;
    }
}

impl Clip for Adaptive {
    /// # Notes
    /// A unit is a row of a matrix, an output channel of a kernel, or a whole vector.
    fn clip(&self, grads: &mut [f32], _: f32, params: &[f32], slots: &[Slot], _: &dyn Team) -> bool {
        let mut clipped = false;
        for slot in slots.iter().filter(|s| !s.range.is_empty()) {
            let units = if slot.shape.len() > 1 { slot.shape[0] } else { 1 };
            let size = slot.range.len() / units;
            let (grads, params) = (&mut grads[slot.range.clone()], &params[slot.range.clone()]);
            for (g, w) in grads.chunks_exact_mut(size).zip(params.chunks_exact(size)) {
                let limit = self.clipping * kernel::sum_sq_f64(w).sqrt().max(self.eps);
                let norm = kernel::sum_sq_f64(g).sqrt();
                if norm > limit {
                    clipped |= shorten(g, limit / norm.max(1e-6));
                }
            }
        }
        clipped
    }
}

/// Multiplies by a factor if it is below 1; returns whether it was.
fn shorten(grads: &mut [f32], factor: f64) -> bool {
    if factor < 1.0 {
        kernel::scale(grads, factor as f32);
    }
    factor < 1.0
}
