//! Stochastic gradient descent.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::registry::settings;

settings! {
    /// Stochastic gradient descent θ ← θ - lr g. Robbins & Monro 1951, doi:10.1214/aoms/1177729586. PyTorch's form.
    pub struct Sgd {
        /// learning rate
        lr: f64 = 0.1, 0.0..=1e6;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Sgd {
    lr_field!();

    /// 2/lr, minus the factor of the L2 penalty.
    fn stability(&self, lr: f64) -> Option<f64> {
        Some(2.0 / lr - self.weight_decay)
    }
    fn step(&self, _: &mut OptimizerState, u: Update<'_>) {
        let (lr, wd) = (u.lr as f32, self.weight_decay as f32);
        u.team.update1(
            u.params,
            u.grads,
            #[inline(always)]
            move |p, g| {
                let g = wd.mul_add(p, g);
                (-lr).mul_add(g, p)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        if self.weight_decay > 0.0 { vec![("g+λθ", look.decayed(self.weight_decay))] } else { Vec::new() }
    }
    fn formula(&self) -> &'static str {
        "θ ← θ - lr·g"
    }
}
