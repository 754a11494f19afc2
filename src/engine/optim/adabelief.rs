//! `AdaBelief`.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adam with the mean squared surprise (g - m)² in place of g². Zhuang et al. 2020, arXiv:2010.07468. optax's form.
    pub struct AdaBelief {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean squared surprise
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-16, 0.0..=1.0;
        /// added to the mean squared surprise at every step
        eps_root: f64 = 1e-16, 0.0..=1.0;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for AdaBelief {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "s"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, s] = &mut state.vectors[..] else { unreachable!("AdaBelief keeps 2 buffers") };
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let (eps, eps_root) = (self.eps as f32, self.eps_root as f32);
        let keep = (1.0 - u.lr * self.weight_decay) as f32;
        let step_size = (u.lr / correction(self.betas.0, u.step)) as f32;
        let root = (1.0 / correction(self.betas.1, u.step).sqrt()) as f32;
        u.team.update3(
            u.params,
            m,
            s,
            u.grads,
            #[inline(always)]
            move |p, m, s, g| {
                let m = b1.mul_add(m, c1 * g);
                let e = g - m;
                let s = b2.mul_add(s, c2 * e * e) + eps_root;
                let denominator = s.sqrt().mul_add(root, eps);
                (keep * p - step_size * quotient(m, denominator), m, s)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let corrected = look.now(1) / correction(self.betas.1, look.step);
        vec![
            ("g - m", f64::from(look.grad) - look.now(0)),
            ("m̂", look.now(0) / correction(self.betas.0, look.step)),
            ("ŝ", corrected),
            ("√ŝ + eps", corrected.sqrt() + self.eps),
        ]
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   s ← β₂s + (1-β₂)(g-m)² + eps_root   θ ← θ - lr·(m̂/(√ŝ + eps) + λθ)   m̂ = m/(1-β₁ᵗ)   ŝ = s/(1-β₂ᵗ)"
    }
}
