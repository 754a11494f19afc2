//! Adadelta.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::registry::settings;

settings! {
    /// Steps in the units of the weights: root mean square of past steps over that of gradients. Zeiler 2012, arXiv:1212.5701. PyTorch's form.
    pub struct Adadelta {
        /// learning rate; the paper has none, that is 1
        lr: f64 = 1.0, 0.0..=1e6;
        /// decay rate of both mean squares
        rho: f64 = 0.9, 0.0..1.0;
        /// added inside both roots; its root is the size of the first steps
        eps: f64 = 1e-6, 0.0..=1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Adadelta {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["v", "u"]
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [v, s] = &mut state.vectors[..] else { unreachable!("Adadelta keeps 2 buffers") };
        let (lr, r, c) = (u.lr as f32, self.rho as f32, (1.0 - self.rho) as f32);
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
        u.team.update3(
            u.params,
            v,
            s,
            u.grads,
            #[inline(always)]
            move |p, v, s, g| {
                let g = wd.mul_add(p, g);
                let v = r.mul_add(v, c * g * g);
                let root = (v + eps).sqrt();
                // If eps is 0 and there was no gradient yet, nothing moves.
                let d = if root > 0.0 { (s + eps).sqrt() / root * g } else { g };
                ((-lr).mul_add(d, p), v, r.mul_add(s, c * d * d))
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let (top, bottom) = ((look.old(1) + self.eps).sqrt(), (look.now(0) + self.eps).sqrt());
        vec![
            ("√(u + eps), u before", top),
            ("√(v + eps)", bottom),
            ("d", top / bottom * look.decayed(self.weight_decay)),
        ]
    }
    fn formula(&self) -> &'static str {
        "v ← ρv + (1-ρ)g²   d = g·√(u + eps)/√(v + eps)   u ← ρu + (1-ρ)d²   θ ← θ - lr·d"
    }
}
