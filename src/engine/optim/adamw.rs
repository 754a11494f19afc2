//! Adam with decoupled weight decay.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, adam, correction, quotient};
use crate::engine::team::Team;
use crate::registry::settings;

settings! {
    /// Adam whose weight decay bypasses the moments. Loshchilov & Hutter 2019, arXiv:1711.05101. PyTorch's form.
    pub struct AdamW {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 0.01, 0.0..=100.0;
        /// whether the mean square may never shrink
        amsgrad: bool = false;
    }
}

impl AdamW {
    /// Updates the slices of one or all tensors, without `amsgrad`.
    pub(super) fn update(
        &self,
        team: &dyn Team,
        t: u64,
        lr: f64,
        p: &mut [f32],
        m: &mut [f32],
        v: &mut [f32],
        g: &[f32],
    ) {
        let k = self.constants(t, lr);
        team.update3(
            p,
            m,
            v,
            g,
            #[inline(always)]
            move |p, m, v, g| {
                let m = k.b1.mul_add(m, k.c1 * g);
                let v = k.b2.mul_add(v, k.c2 * g * g);
                (k.move_by(p, m, v), m, v)
            },
        );
    }

    fn constants(&self, t: u64, lr: f64) -> Constants {
        Constants {
            b1: self.betas.0 as f32,
            c1: (1.0 - self.betas.0) as f32,
            b2: self.betas.1 as f32,
            c2: (1.0 - self.betas.1) as f32,
            keep: (1.0 - lr * self.weight_decay) as f32,
            step_size: (lr / correction(self.betas.0, t)) as f32,
            root: (1.0 / correction(self.betas.1, t).sqrt()) as f32,
            eps: self.eps as f32,
        }
    }
}

/// The constants of a step, computed in f64 and rounded once.
#[derive(Clone, Copy)]
struct Constants {
    b1: f32,
    c1: f32,
    b2: f32,
    c2: f32,
    keep: f32,
    step_size: f32,
    root: f32,
    eps: f32,
}

impl Constants {
    #[inline(always)]
    fn move_by(self, p: f32, m: f32, v: f32) -> f32 {
        self.keep * p - quotient(self.step_size * m, v.sqrt().mul_add(self.root, self.eps))
    }
}

impl Optimizer for AdamW {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        if self.amsgrad { &["m", "v", "x"] } else { &["m", "v"] }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        match &mut state.vectors[..] {
            [m, v] => self.update(u.team, u.step, u.lr, u.params, m, v, u.grads),
            [m, v, x] => {
                let k = self.constants(u.step, u.lr);
                u.team.update4(
                    u.params,
                    m,
                    v,
                    x,
                    u.grads,
                    #[inline(always)]
                    move |p, m, v, x, g| {
                        let m = k.b1.mul_add(m, k.c1 * g);
                        let v = k.b2.mul_add(v, k.c2 * g * g);
                        let x = if v > x { v } else { x };
                        (k.move_by(p, m, x), m, v, x)
                    },
                );
            }
            other => unreachable!("AdamW keeps 2 or 3 buffers, not {}", other.len()),
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let mut terms = adam::moments(self.betas, self.eps, look, if self.amsgrad { 2 } else { 1 }).to_vec();
        terms.push(("λθ", self.weight_decay * f64::from(look.from)));
        terms
    }
    fn formula(&self) -> &'static str {
        if self.amsgrad {
            "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   x ← max(x, v)   θ ← θ - lr·(m̂/(√x̂ + eps) + λθ)   m̂ = m/(1-β₁ᵗ)   x̂ = x/(1-β₂ᵗ)"
        } else {
            "m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)g²   θ ← θ - lr·(m̂/(√v̂ + eps) + λθ)   m̂ = m/(1-β₁ᵗ)   v̂ = v/(1-β₂ᵗ)"
        }
    }
}
