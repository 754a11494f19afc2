//! Clipping of the whole gradient by its norm.

use super::Clip;
use crate::engine::{kernel, network::Slot, team::Team};
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

settings! {
    /// No clipping.
    pub struct Off {}
}

impl Clip for Off {
    fn clip(&self, _: &mut [f32], _: f32, _: &[f32], _: &[Slot], _: &dyn Team) -> bool {
        false
    }
}

/// How the size of a gradient is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormType {
    /// Sum of the absolute values.
    L1,
    /// Euclidean.
    #[default]
    L2,
    /// Cube root of the sum of cubed absolute values.
    L3,
    /// The largest absolute value.
    Inf,
}
plain_values!(NormType);

impl NormType {
    /// The norm of a gradient whose Euclidean norm is already known.
    fn of(self, grads: &[f32], euclidean: f32) -> f64 {
        match self {
            Self::L1 => kernel::sum_abs_f64(grads),
            Self::L2 => f64::from(euclidean),
            Self::L3 => libm::cbrt(grads.iter().fold(0.0, |s, &g| {
                let g = f64::from(g.abs());
                s + g * g * g
            })),
            Self::Inf => f64::from(kernel::max_abs(grads)),
        }
    }
}

settings! {
    /// g ← g · min(1, max_norm/(‖g‖ + eps)) over all tensors together. Pascanu et al. 2013, arXiv:1211.5063.
    pub struct Norm {
        /// the largest norm that passes unchanged
        max_norm: f64 = 1.0, 0.0..=1e9;
        /// which norm
        norm_type: NormType = NormType::L2;
        /// added to the norm; PyTorch 1e-6, optax 0
        eps: f64 = 1e-6, 0.0..=1.0;
    }
}

impl Clip for Norm {
    fn clip(&self, grads: &mut [f32], norm: f32, _: &[f32], _: &[Slot], team: &dyn Team) -> bool {
        let factor = self.max_norm / (self.norm_type.of(grads, norm) + self.eps);
        if factor < 1.0 {
            team.scale(grads, factor as f32);
        }
        factor < 1.0
    }
}
