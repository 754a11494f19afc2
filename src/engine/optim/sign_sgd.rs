//! Descent along the sign of the gradient.

use super::{Optimizer, OptimizerState, Update, sign};
use crate::registry::settings;

settings! {
    /// Every weight moves by lr against the sign of its gradient. Bernstein et al. 2018, arXiv:1802.04434. optax's form.
    pub struct SignSgd {
        /// learning rate: the length of every step
        lr: f64 = 0.001, 0.0..=1e6;
    }
}

impl Optimizer for SignSgd {
    lr_field!();
    fn step(&self, _: &mut OptimizerState, u: Update<'_>) {
        let lr = u.lr as f32;
        u.team.update1(
            u.params,
            u.grads,
            #[inline(always)]
            move |p, g| (-lr).mul_add(sign(g), p),
        );
    }
    fn formula(&self) -> &'static str {
        "θ ← θ - lr·sign(g)"
    }
}
