//! LAMB.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Adam whose step of each tensor is as long as the tensor, times lr; for large batches. You et al. 2020, arXiv:1904.00962. optax's form.
    pub struct Lamb {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-6, 0.0..=1.0;
        /// share of the weights added to each step before it is scaled
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Lamb {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v"]
    }
    /// # Notes
    /// The norm of the weights is not clamped (φ of the paper is the identity), as in optax.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, v] = &mut state.vectors[..] else { unreachable!("Lamb keeps 2 buffers") };
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let by_m = (1.0 / correction(self.betas.0, u.step)) as f32;
        let root = (1.0 / correction(self.betas.1, u.step).sqrt()) as f32;
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
        for slot in u.slots {
            let r = slot.range.clone();
            let p = &mut u.params[r.clone()];
            let d = &mut u.grads[r.clone()];
            // d, the direction of Adam, takes the place of the gradient.
            u.team.update3(
                d,
                &mut m[r.clone()],
                &mut v[r],
                p,
                #[inline(always)]
                move |g, m, v, p| {
                    let m = b1.mul_add(m, c1 * g);
                    let v = b2.mul_add(v, c2 * g * g);
                    (wd.mul_add(p, quotient(by_m * m, v.sqrt().mul_add(root, eps))), m, v)
                },
            );
            let trust = trust(1.0, p, d, 0.0);
            kernel::axpy((-u.lr * trust) as f32, d, p);
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let [mean, square, root] = super::adam::moments(self.betas, self.eps, look, 1);
        let d = self.weight_decay.mul_add(f64::from(look.from), mean.1 / root.1);
        let trust = (f64::from(look.from) - f64::from(look.to)) / (look.lr * d);
        let mut terms = vec![mean, square, root, ("d", d)];
        if trust.is_finite() {
            terms.push(("‖θ‖/‖d‖", trust));
        }
        terms
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   d = m̂/(√v̂ + eps) + λθ   θ ← θ - lr·‖θ‖/‖d‖·d (norms of the tensor)"
    }
}

/// c‖p‖/(‖d‖ + eps), or 1 if either norm is 0: the trust ratio of LAMB and LARS.
pub(super) fn trust(coefficient: f64, p: &[f32], d: &[f32], eps: f64) -> f64 {
    let (p, d) = (kernel::sum_sq_f64(p).sqrt(), kernel::sum_sq_f64(d).sqrt());
    if p > 0.0 && d > 0.0 { coefficient * p / (d + eps) } else { 1.0 }
}
