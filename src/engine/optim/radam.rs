//! Rectified Adam.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adam that trusts its mean square only once enough gradients are in it. Liu et al. 2020, arXiv:1908.03265. PyTorch's form.
    pub struct RAdam {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl RAdam {
    /// The rectification r of step t; `None` while the mean square has too few gradients in it (ρₜ ≤ 5).
    fn rectification(&self, t: u64) -> Option<f64> {
        let b2 = self.betas.1;
        let limit = 2.0 / (1.0 - b2) - 1.0;
        let rho = limit - 2.0 * t as f64 * libm::pow(b2, t as f64) / correction(b2, t);
        let ratio = (rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho);
        (rho > 5.0).then(|| ratio.sqrt())
    }
}

impl Optimizer for RAdam {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, v] = &mut state.vectors[..] else { unreachable!("RAdam keeps 2 buffers") };
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
        let step_size = u.lr / correction(self.betas.0, u.step);
        let rectified = self.rectification(u.step).map(|r| r * correction(self.betas.1, u.step).sqrt());
        let adaptive = rectified.is_some();
        let step_size = (step_size * rectified.unwrap_or(1.0)) as f32;
        u.team.update3(
            u.params,
            m,
            v,
            u.grads,
            #[inline(always)]
            move |p, m, v, g| {
                let g = wd.mul_add(p, g);
                let m = b1.mul_add(m, c1 * g);
                let v = b2.mul_add(v, c2 * g * g);
                let denominator = if adaptive { v.sqrt() + eps } else { 1.0 };
                (p - quotient(step_size * m, denominator), m, v)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let mean = look.now(0) / correction(self.betas.0, look.step);
        match self.rectification(look.step) {
            None => vec![("m̂", mean)],
            Some(r) => {
                let root = correction(self.betas.1, look.step).sqrt();
                vec![("m̂", mean), ("r", r), ("(√v + eps)/√(1-β₂ᵗ)", (look.now(1).sqrt() + self.eps) / root)]
            }
        }
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   m̂ = m/(1-β₁ᵗ)   θ ← θ - lr·r·m̂·√(1-β₂ᵗ)/(√v + eps) if ρₜ > 5, else θ - lr·m̂"
    }
}
