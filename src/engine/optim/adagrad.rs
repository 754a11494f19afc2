//! Adagrad.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, quotient};
use crate::registry::settings;

settings! {
    /// Gradient over the root of the sum of all its squares. Duchi, Hazan & Singer 2011 (JMLR 12:2121). PyTorch's form.
    pub struct Adagrad {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// decay of the rate: lr/(1 + (t-1) lr_decay)
        lr_decay: f64 = 0.0, 0.0..=1e6;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-10, 0.0..=1.0;
        /// where the sum of squares starts
        initial_accumulator_value: f64 = 0.0, 0.0..=1e6;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Adagrad {
    fn rate(&self, lr: f64, t: u64) -> f64 {
        lr / (1.0 + (t - 1) as f64 * self.lr_decay)
    }
}

impl Optimizer for Adagrad {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["G"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState {
            vectors: vec![vec![self.initial_accumulator_value as f32; params.len()]],
            scalars: Vec::new(),
        }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (lr, eps) = (self.rate(u.lr, u.step) as f32, self.eps as f32);
        let wd = self.weight_decay as f32;
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, s, g| {
                let g = wd.mul_add(p, g);
                let s = g.mul_add(g, s);
                ((-lr).mul_add(quotient(g, s.sqrt() + eps), p), s)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("√G + eps", look.now(0).sqrt() + self.eps), ("lr of this step", self.rate(look.lr, look.step))]
    }
    fn formula(&self) -> &'static str {
        if self.lr_decay > 0.0 {
            "G ← G + g²   θ ← θ - lr/(1 + (t-1)·lr_decay)·g/(√G + eps)"
        } else {
            "G ← G + g²   θ ← θ - lr·g/(√G + eps)"
        }
    }
}
