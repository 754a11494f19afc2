//! Yogi.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, adam, correction, quotient, sign};
use crate::registry::settings;

settings! {
    /// Adam whose mean square changes by a bounded amount. Zaheer et al. 2018 (NeurIPS 31). optax's form.
    pub struct Yogi {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-3, 0.0..=1.0;
        /// where both means start; so a weight without gradient moves a little at first
        initial_accumulator: f64 = 1e-6, 0.0..=1.0;
    }
}

impl Optimizer for Yogi {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState {
            vectors: vec![vec![self.initial_accumulator as f32; params.len()]; 2],
            scalars: Vec::new(),
        }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, v] = &mut state.vectors[..] else { unreachable!("Yogi keeps 2 buffers") };
        let (b1, c1) = (self.betas.0 as f32, (1.0 - self.betas.0) as f32);
        let (c2, eps) = ((1.0 - self.betas.1) as f32, self.eps as f32);
        let step_size = (u.lr / correction(self.betas.0, u.step)) as f32;
        let root = (1.0 / correction(self.betas.1, u.step).sqrt()) as f32;
        u.team.update3(
            u.params,
            m,
            v,
            u.grads,
            #[inline(always)]
            move |p, m, v, g| {
                let m = b1.mul_add(m, c1 * g);
                let square = g * g;
                let v = (-c2 * sign(v - square)).mul_add(square, v);
                let denominator = v.sqrt().mul_add(root, eps);
                ((-step_size).mul_add(quotient(m, denominator), p), m, v)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        adam::moments(self.betas, self.eps, look, 1).to_vec()
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   v ← v - (1-β₂)sign(v - g²)g²   θ ← θ - lr·m̂/(√v̂ + eps)   m̂ = m/(1-β₁ᵗ)   v̂ = v/(1-β₂ᵗ)"
    }
}
