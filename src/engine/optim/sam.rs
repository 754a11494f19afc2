//! Sharpness-aware minimisation: another optimizer that uses the gradient from a point uphill.

use super::{Optimizer, OptimizerConfig, OptimizerState, Update, WeightUpdate, sgd::Sgd};
use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Steps with the gradient at the worst point nearby, which seeks flat minima. Foret et al. 2021, arXiv:2010.01412. The form of the paper.
    pub struct Sam {
        /// the optimizer that makes the step; its learning rate is that of the whole
        inner: Box<OptimizerConfig> = Box::new(Sgd::default().into());
        /// distance to the worst point
        rho: f64 = 0.05, 0.0..=1e3;
    }
}

impl Optimizer for Sam {
    fn lr(&self) -> f64 {
        self.inner.lr()
    }
    fn set_lr(&mut self, lr: f64) {
        self.inner.set_lr(lr);
    }
    fn buffers(&self) -> &'static [&'static str] {
        self.inner.buffers()
    }
    /// The inner optimizer's state, followed by one buffer for the point uphill.
    fn init(&self, params: &[f32]) -> OptimizerState {
        let mut state = self.inner.init(params);
        state.vectors.push(vec![0.0; params.len()]);
        state
    }
    /// # Notes
    /// The gradient uphill is clipped like any other gradient.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let mut point = state.vectors.pop().expect("Sam keeps a buffer of its own");
        let norm = kernel::sum_sq_f64(u.grads).sqrt();
        if norm > 0.0 {
            point.copy_from_slice(u.params);
            kernel::axpy((self.rho / norm) as f32, u.grads, &mut point);
            u.oracle.gradient(&point, u.grads);
            u.oracle.clip(u.grads, u.params);
        }
        self.inner.step(state, u);
        state.vectors.push(point);
    }
    fn eval_params<'a>(&self, state: &'a OptimizerState) -> Option<&'a [f32]> {
        self.inner.eval_params(state)
    }
    fn leaves_traces(&self) -> bool {
        true
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let scratch = look.after.vectors.last().map_or(0.0, |v| f64::from(v[look.i]));
        vec![("θ uphill", scratch)]
    }
    fn formula(&self) -> &'static str {
        "ĝ = ∇L(θ + ρ·g/‖g‖)   then the inner optimizer's step with ĝ in place of g"
    }
}
