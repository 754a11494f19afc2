//! Adam with Nesterov's momentum.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adam whose mean looks one step ahead. Dozat 2016 (ICLR workshop). PyTorch's form.
    pub struct NAdam {
        /// learning rate
        lr: f64 = 0.002, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// how slowly the momentum rises to β₁: μₜ = β₁(1 - 0.96^(t ψ)/2)
        momentum_decay: f64 = 0.004, 0.0..=10.0;
    }
}

impl NAdam {
    /// μ of step t.
    fn mu(&self, t: u64) -> f64 {
        self.betas.0 * (1.0 - 0.5 * libm::pow(0.96, t as f64 * self.momentum_decay))
    }
}

impl Optimizer for NAdam {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v"]
    }
    /// The only scalar is P, the product of all μ so far.
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![vec![0.0; params.len()]; 2], scalars: vec![1.0] }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let OptimizerState { vectors, scalars } = state;
        let [m, v] = &mut vectors[..] else { unreachable!("NAdam keeps 2 buffers") };
        let (mu, next) = (self.mu(u.step), self.mu(u.step + 1));
        scalars[0] *= mu;
        let product = scalars[0];
        let by_g = (u.lr * (1.0 - mu) / (1.0 - product)) as f32;
        let by_m = (u.lr * next / (1.0 - product * next)) as f32;
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let root = (1.0 / correction(self.betas.1, u.step).sqrt()) as f32;
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
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
                (p - quotient(by_g.mul_add(g, by_m * m), v.sqrt().mul_add(root, eps)), m, v)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let product = look.after.scalars[0];
        let corrected = look.now(1) / correction(self.betas.1, look.step);
        let next = self.mu(look.step + 1);
        vec![
            ("μₜ", self.mu(look.step)),
            ("P", product),
            ("m ahead", next / (1.0 - product * next) * look.now(0)),
            ("v̂", corrected),
            ("√v̂ + eps", corrected.sqrt() + self.eps),
        ]
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   P ← P·μₜ   θ ← θ - lr·((1-μₜ)/(1-P)·g + μₜ₊₁/(1-P·μₜ₊₁)·m)/(√v̂ + eps)   v̂ = v/(1-β₂ᵗ)"
    }
}
