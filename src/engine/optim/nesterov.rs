//! Gradient descent with Nesterov's momentum.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::registry::settings;

settings! {
    /// Momentum that looks ahead. Nesterov 1983; in this form Sutskever et al. 2013 (ICML, PMLR 28:1139). PyTorch's form.
    pub struct Nesterov {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// share of the velocity kept from step to step
        momentum: f64 = 0.9, 0.0..1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Nesterov {
    lr_field!();

    /// 2(1 + μ)/((1 + 2μ) lr), minus the factor of the L2 penalty.
    fn stability(&self, lr: f64) -> Option<f64> {
        Some(2.0 * (1.0 + self.momentum) / ((1.0 + 2.0 * self.momentum) * lr) - self.weight_decay)
    }
    fn buffers(&self) -> &'static [&'static str] {
        &["b"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (lr, mu, wd) = (u.lr as f32, self.momentum as f32, self.weight_decay as f32);
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, b, g| {
                let g = wd.mul_add(p, g);
                let b = mu.mul_add(b, g);
                ((-lr).mul_add(mu.mul_add(b, g), p), b)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let g = look.decayed(self.weight_decay);
        vec![("g + μb", self.momentum.mul_add(look.now(0), g))]
    }
    fn formula(&self) -> &'static str {
        "b ← μb + g   θ ← θ - lr·(g + μb)"
    }
}
