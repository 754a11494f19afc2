//! LARS.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, lamb::trust};
use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Momentum whose rate follows, for each tensor, the ratio of weights to gradient; for large batches. You et al. 2017, arXiv:1708.03888. optax's form.
    pub struct Lars {
        /// learning rate
        lr: f64 = 1.0, 0.0..=1e6;
        /// share of the velocity kept from step to step
        momentum: f64 = 0.9, 0.0..1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// how far a tensor moves, as a share of its size
        trust_coefficient: f64 = 0.001, 0.0..=1e3;
        /// added to the norm of the gradient
        eps: f64 = 0.0, 0.0..=1.0;
    }
}

impl Optimizer for Lars {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["b"]
    }
    /// # Notes
    /// The learning rate is applied before the momentum, as in the paper and in optax.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (mu, wd) = (self.momentum as f32, self.weight_decay as f32);
        for slot in u.slots {
            let r = slot.range.clone();
            let (p, d) = (&mut u.params[r.clone()], &mut u.grads[r.clone()]);
            kernel::axpy(wd, p, d);
            let rate = (u.lr * trust(self.trust_coefficient, p, d, self.eps)) as f32;
            u.team.update2(
                p,
                &mut state.vectors[0][r],
                d,
                #[inline(always)]
                move |p, b, d| {
                    let b = mu.mul_add(b, -rate * d);
                    (p + b, b)
                },
            );
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let d = look.decayed(self.weight_decay);
        let trust = self.momentum.mul_add(look.old(0), -look.now(0)) / (look.lr * d);
        let mut terms = vec![("d", d)];
        if trust.is_finite() {
            terms.push(("r", trust));
        }
        terms
    }
    fn formula(&self) -> &'static str {
        "d = g + λθ   r = c·‖θ‖/(‖d‖ + eps) (norms of the tensor)   b ← μb - lr·r·d   θ ← θ + b"
    }
}
