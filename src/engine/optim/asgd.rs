//! Averaged gradient descent.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::registry::settings;

settings! {
    /// Gradient descent evaluated at the average of its path. Polyak & Juditsky 1992, doi:10.1137/0330046. PyTorch's form.
    pub struct Asgd {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// decay of the weights, times the rate
        lambd: f64 = 1e-4, 0.0..=100.0;
        /// power with which the rate falls: η = lr/(1 + lambd lr t)^alpha
        alpha: f64 = 0.75, 0.0..=10.0;
        /// step at which averaging begins
        t0: f64 = 1e6, 0.0..=1e9;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Asgd {
    /// Rate η and weight μ of the average at step t.
    fn rates(&self, lr: f64, t: u64) -> (f64, f64) {
        let done = (t - 1) as f64;
        (lr / libm::pow(1.0 + self.lambd * lr * done, self.alpha), 1.0 / (done - self.t0).max(1.0))
    }
}

impl Optimizer for Asgd {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["a"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![params.to_vec()], scalars: Vec::new() }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (eta, mu) = self.rates(u.lr, u.step);
        let (keep, eta) = ((1.0 - self.lambd * eta) as f32, eta as f32);
        let (follow, mu, wd) = (mu == 1.0, mu as f32, self.weight_decay as f32);
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, a, g| {
                let g = wd.mul_add(p, g);
                let p = keep.mul_add(p, -eta * g);
                (p, if follow { p } else { mu.mul_add(p - a, a) })
            },
        );
    }
    fn eval_params<'a>(&self, state: &'a OptimizerState) -> Option<&'a [f32]> {
        Some(&state.vectors[0])
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let (eta, mu) = self.rates(look.lr, look.step);
        vec![("η", eta), ("μ", mu)]
    }
    fn formula(&self) -> &'static str {
        "θ ← (1 - λη)θ - η·g   a ← a + μ(θ - a)   η = lr/(1 + λ·lr·(t-1))^α   μ = 1/max(1, t-1-t₀)   evaluated at a"
    }
}
