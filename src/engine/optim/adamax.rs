//! Adamax.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adam with the decayed maximum of |g| in place of the root mean square. Kingma & Ba 2015, arXiv:1412.6980, section 7.1. PyTorch's form.
    pub struct Adamax {
        /// learning rate
        lr: f64 = 0.002, 0.0..=1e6;
        /// decay rates of the mean gradient and of the maximum
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to |g|, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Adamax {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "u"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, s] = &mut state.vectors[..] else { unreachable!("Adamax keeps 2 buffers") };
        let (b1, b2, c1) = (self.betas.0 as f32, self.betas.1 as f32, (1.0 - self.betas.0) as f32);
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
        let step_size = (u.lr / correction(self.betas.0, u.step)) as f32;
        u.team.update3(
            u.params,
            m,
            s,
            u.grads,
            #[inline(always)]
            move |p, m, s, g| {
                let g = wd.mul_add(p, g);
                let m = b1.mul_add(m, c1 * g);
                let (kept, new) = (b2 * s, g.abs() + eps);
                let s = if kept > new { kept } else { new };
                ((-step_size).mul_add(quotient(m, s), p), m, s)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("m̂", look.now(0) / correction(self.betas.0, look.step))]
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   u ← max(β₂u, |g| + eps)   θ ← θ - lr·m̂/u   m̂ = m/(1-β₁ᵗ)"
    }
}
