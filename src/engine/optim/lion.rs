//! Lion.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, sign};
use crate::registry::settings;

settings! {
    /// Sign of an interpolated momentum, found by program search. Chen et al. 2023, arXiv:2302.06675. optax's form.
    pub struct Lion {
        /// learning rate
        lr: f64 = 1e-4, 0.0..=1e6;
        /// weight of the momentum in the step, and its decay rate
        betas: (f64, f64) = (0.9, 0.99), 0.0..1.0;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Lion {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let (lr, wd) = (u.lr as f32, self.weight_decay as f32);
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, m, g| {
                let d = sign(b1.mul_add(m, c1 * g));
                ((-lr).mul_add(wd.mul_add(p, d), p), b2.mul_add(m, c2 * g))
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let c = self.betas.0.mul_add(look.old(0), (1.0 - self.betas.0) * f64::from(look.grad));
        vec![("m before", look.old(0)), ("c", c)]
    }
    fn formula(&self) -> &'static str {
        "c = β₁m + (1-β₁)g   θ ← θ - lr·(sign(c) + λθ)   m ← β₂m + (1-β₂)g"
    }
}
