//! Gradient descent with momentum.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::registry::settings;

settings! {
    /// Heavy ball: a running sum of gradients is followed. Polyak 1964, doi:10.1016/0041-5553(64)90137-5. PyTorch's form.
    pub struct Momentum {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// share of the velocity kept from step to step
        momentum: f64 = 0.9, 0.0..1.0;
        /// share of each new gradient left out of the velocity, from the second step on
        dampening: f64 = 0.0, 0.0..=1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Momentum {
    lr_field!();

    /// 2(1 + μ)/((1 - τ) lr), minus the factor of the L2 penalty.
    fn stability(&self, lr: f64) -> Option<f64> {
        Some(2.0 * (1.0 + self.momentum) / ((1.0 - self.dampening) * lr) - self.weight_decay)
    }
    fn buffers(&self) -> &'static [&'static str] {
        &["b"]
    }
    /// # Notes
    /// The first step uses the whole gradient without dampening, as in PyTorch.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (lr, mu, wd) = (u.lr as f32, self.momentum as f32, self.weight_decay as f32);
        let share = if u.step == 1 { 1.0 } else { (1.0 - self.dampening) as f32 };
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, b, g| {
                let g = wd.mul_add(p, g);
                let b = mu.mul_add(b, share * g);
                ((-lr).mul_add(b, p), b)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        if self.weight_decay > 0.0 { vec![("g+λθ", look.decayed(self.weight_decay))] } else { Vec::new() }
    }
    fn formula(&self) -> &'static str {
        "b ← μb + (1-τ)g   θ ← θ - lr·b"
    }
}
