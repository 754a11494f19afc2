//! `RMSprop`.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, quotient};
use crate::registry::settings;

settings! {
    /// Gradient over the root of its mean square. Tieleman & Hinton 2012 (lecture 6.5); centred after Graves 2013, arXiv:1308.0850. PyTorch's form.
    pub struct RmsProp {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// decay rate of the mean square
        alpha: f64 = 0.99, 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// whether the square of the mean gradient is subtracted, which leaves its variance
        centered: bool = false;
        /// share of the velocity kept from step to step
        momentum: f64 = 0.0, 0.0..1.0;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl RmsProp {
    /// v - m², which rounding must not make negative.
    #[inline(always)]
    fn variance(v: f32, m: f32) -> f32 {
        let w = (-m).mul_add(m, v);
        if w < 0.0 { 0.0 } else { w }
    }
}

impl Optimizer for RmsProp {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &["v"],
            (false, true) => &["v", "b"],
            (true, false) => &["v", "m"],
            (true, true) => &["v", "m", "b"],
        }
    }
    /// # Notes
    /// Where rounding makes v - m² negative it counts as 0; PyTorch takes the root and gets NaN.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (lr, a, c) = (u.lr as f32, self.alpha as f32, (1.0 - self.alpha) as f32);
        let (eps, mu, wd) = (self.eps as f32, self.momentum as f32, self.weight_decay as f32);
        match (self.centered, &mut state.vectors[..]) {
            (false, [v]) => u.team.update2(
                u.params,
                v,
                u.grads,
                #[inline(always)]
                move |p, v, g| {
                    let g = wd.mul_add(p, g);
                    let v = a.mul_add(v, c * g * g);
                    ((-lr).mul_add(quotient(g, v.sqrt() + eps), p), v)
                },
            ),
            (false, [v, b]) => u.team.update3(
                u.params,
                v,
                b,
                u.grads,
                #[inline(always)]
                move |p, v, b, g| {
                    let g = wd.mul_add(p, g);
                    let v = a.mul_add(v, c * g * g);
                    let b = mu.mul_add(b, quotient(g, v.sqrt() + eps));
                    ((-lr).mul_add(b, p), v, b)
                },
            ),
            (true, [v, m]) => u.team.update3(
                u.params,
                v,
                m,
                u.grads,
                #[inline(always)]
                move |p, v, m, g| {
                    let g = wd.mul_add(p, g);
                    let v = a.mul_add(v, c * g * g);
                    let m = a.mul_add(m, c * g);
                    ((-lr).mul_add(quotient(g, Self::variance(v, m).sqrt() + eps), p), v, m)
                },
            ),
            (true, [v, m, b]) => u.team.update4(
                u.params,
                v,
                m,
                b,
                u.grads,
                #[inline(always)]
                move |p, v, m, b, g| {
                    let g = wd.mul_add(p, g);
                    let v = a.mul_add(v, c * g * g);
                    let m = a.mul_add(m, c * g);
                    let b = mu.mul_add(b, quotient(g, Self::variance(v, m).sqrt() + eps));
                    ((-lr).mul_add(b, p), v, m, b)
                },
            ),
            (_, other) => unreachable!("RmsProp keeps 1 to 3 buffers, not {}", other.len()),
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let m = if self.centered { look.now(1) } else { 0.0 };
        let root = m.mul_add(-m, look.now(0)).max(0.0).sqrt() + self.eps;
        let name = if self.centered { "√(v - m²) + eps" } else { "√v + eps" };
        vec![(name, root), ("u", look.decayed(self.weight_decay) / root)]
    }
    fn formula(&self) -> &'static str {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => "v ← αv + (1-α)g²   u = g/(√v + eps)   θ ← θ - lr·u",
            (false, true) => "v ← αv + (1-α)g²   u = g/(√v + eps)   b ← μb + u   θ ← θ - lr·b",
            (true, false) => "v ← αv + (1-α)g²   m ← αm + (1-α)g   u = g/(√(v - m²) + eps)   θ ← θ - lr·u",
            (true, true) => {
                "v ← αv + (1-α)g²   m ← αm + (1-α)g   u = g/(√(v - m²) + eps)   b ← μb + u   θ ← θ - lr·b"
            }
        }
    }
}
