//! Adam.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adaptive moments. Kingma & Ba 2015, arXiv:1412.6980; `amsgrad` after Reddi et al. 2018, arXiv:1904.09237. PyTorch's form.
    pub struct Adam {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// L2 penalty added to the gradient (`AdamW` decouples it)
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// whether the mean square may never shrink
        amsgrad: bool = false;
    }
}

impl Optimizer for Adam {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        if self.amsgrad { &["m", "v", "x"] } else { &["m", "v"] }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let (c1, c2) = ((1.0 - self.betas.0) as f32, (1.0 - self.betas.1) as f32);
        let step_size = (u.lr / correction(self.betas.0, u.step)) as f32;
        let root = (1.0 / correction(self.betas.1, u.step).sqrt()) as f32;
        let (eps, wd) = (self.eps as f32, self.weight_decay as f32);
        match &mut state.vectors[..] {
            // m = β₁ m + (1-β₁) g, v = β₂ v + (1-β₂) g², θ -= lr m̂/(√v̂ + eps)
            [m, v] => u.team.update3(
                u.params,
                m,
                v,
                u.grads,
                #[inline(always)]
                move |p, m, v, g| {
                    let g = wd.mul_add(p, g);
                    let m = b1.mul_add(m, c1 * g);
                    let v = b2.mul_add(v, c2 * g * g);
                    (p - quotient(step_size * m, v.sqrt().mul_add(root, eps)), m, v)
                },
            ),
            [m, v, x] => u.team.update4(
                u.params,
                m,
                v,
                x,
                u.grads,
                #[inline(always)]
                move |p, m, v, x, g| {
                    let g = wd.mul_add(p, g);
                    let m = b1.mul_add(m, c1 * g);
                    let v = b2.mul_add(v, c2 * g * g);
                    let x = if v > x { v } else { x };
                    (p - quotient(step_size * m, x.sqrt().mul_add(root, eps)), m, v, x)
                },
            ),
            other => unreachable!("Adam keeps 2 or 3 buffers, not {}", other.len()),
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let mut terms = Vec::new();
        if self.weight_decay > 0.0 {
            terms.push(("g+λθ", look.decayed(self.weight_decay)));
        }
        terms.extend(moments(self.betas, self.eps, look, if self.amsgrad { 2 } else { 1 }));
        terms
    }
    fn formula(&self) -> &'static str {
        if self.amsgrad {
            "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   x ← max(x, v)   θ ← θ - lr·m̂/(√x̂ + eps)   m̂ = m/(1-β₁ᵗ)   x̂ = x/(1-β₂ᵗ)"
        } else {
            "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   θ ← θ - lr·m̂/(√v̂ + eps)   m̂ = m/(1-β₁ᵗ)   v̂ = v/(1-β₂ᵗ)"
        }
    }
}

/// Corrected moments and the denominator of Adam and its variants; the mean is buffer 0, the mean square buffer
/// `square`.
pub(super) fn moments(
    betas: (f64, f64),
    eps: f64,
    look: &WeightUpdate<'_>,
    square: usize,
) -> [(&'static str, f64); 3] {
    let mean = look.now(0) / correction(betas.0, look.step);
    let corrected = look.now(square) / correction(betas.1, look.step);
    let (name, denominator) = if square == 1 { ("v̂", "√v̂ + eps") } else { ("x̂", "√x̂ + eps") };
    [("m̂", mean), (name, corrected), (denominator, corrected.sqrt() + eps)]
}
