//! Clipping of the whole gradient by its norm.

use super::Clip;
use crate::engine::{kernel, network::Slot};
use crate::registry::settings;

settings! {
    /// No clipping.
    pub struct Off {}
}

impl Clip for Off {
    fn clip(&self, _: &mut [f32], _: f32, _: &[f32], _: &[Slot]) -> bool {
        false
    }
}

settings! {
    /// g ← g · min(1, max_norm/(‖g‖ + eps)) over all tensors together. Pascanu et al. 2013, arXiv:1211.5063.
    pub struct Norm {
        /// the largest norm that passes unchanged
        max_norm: f64 = 1.0, 0.0..=1e9;
        /// added to the norm; PyTorch 1e-6, optax 0
        eps: f64 = 1e-6, 0.0..=1.0;
    }
}

impl Clip for Norm {
    fn clip(&self, grads: &mut [f32], norm: f32, _: &[f32], _: &[Slot]) -> bool {
        let factor = (self.max_norm / (f64::from(norm) + self.eps)) as f32;
        if factor < 1.0 {
            kernel::scale(grads, factor);
        }
        factor < 1.0
    }
}
