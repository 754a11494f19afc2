//! The article's optimizers exactly as printed, with their misprints: for lessons, not for training.
//!
//! The correct formulas are those of `Momentum`, `Nesterov` and `Adam`; each row states how the printed one differs.

use super::{Optimizer, OptimizerState, Update};
use crate::registry::settings;

settings! {
    /// Momentum as the article misprints it: m ← m⊙m + g squares its memory instead of fading it. A lesson; use Momentum.
    pub struct MisprintedMomentum {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// the article's β₁, which it lets enter only the first memory (1 - β₁)β₁
        beta: f64 = 0.9, 0.0..1.0;
    }
}

impl Optimizer for MisprintedMomentum {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        first_memory(params, self.beta, 1)
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let lr = u.lr as f32;
        // m = m ⊙ m + g, θ -= lr m
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |p, m, g| {
                let m = m.mul_add(m, g);
                (p - lr * m, m)
            },
        );
    }
    fn formula(&self) -> &'static str {
        "m ← m⊙m + g   θ ← θ - lr·m   (misprinted)"
    }
}

settings! {
    /// Nesterov as the article misprints it: the old weights are missing on the right, so they are replaced, not moved. A lesson; use Nesterov.
    pub struct MisprintedNesterov {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// momentum
        momentum: f64 = 0.9, 0.0..1.0;
        /// the article's β₁, taken over from Adam
        beta: f64 = 0.9, 0.0..1.0;
    }
}

impl Optimizer for MisprintedNesterov {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        first_memory(params, self.beta, 1)
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (mu, keep) = (self.momentum as f32, (1.0 - self.beta) as f32);
        let lr = (u.lr / (1.0 - libm::pow(self.beta, u.step as f64))) as f32;
        // θ = -lr ((1+μ) m - μ g)/(1-β₁ᵗ), then m = (1-β₁) m + μ g
        u.team.update2(
            u.params,
            &mut state.vectors[0],
            u.grads,
            #[inline(always)]
            move |_, m, g| (-lr * ((1.0 + mu) * m - mu * g), keep * m + mu * g),
        );
    }
    fn formula(&self) -> &'static str {
        "θ ← -lr·((1+μ)m - μg)/(1-β₁ᵗ)   m ← (1-β₁)m + μg   (misprinted)"
    }
}

settings! {
    /// Adam as the article misprints it: the step is taken with the moments of the step before, so the first divides by eps. A lesson; use Adam.
    pub struct MisprintedAdam {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, 0.0..=1.0;
    }
}

impl Optimizer for MisprintedAdam {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        let mut state = first_memory(params, self.betas.0, 2);
        state.vectors[1].fill(0.0);
        state
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let (b1, b2) = (self.betas.0 as f32, self.betas.1 as f32);
        let correction1 = 1.0 - libm::pow(self.betas.0, u.step as f64);
        let correction2 = 1.0 - libm::pow(self.betas.1, u.step as f64);
        let (step_size, root, eps) =
            ((u.lr / correction1) as f32, (1.0 / correction2.sqrt()) as f32, self.eps as f32);
        let [m, v] = &mut state.vectors[..] else { unreachable!("two buffers") };
        // θ -= lr m̂/(√v̂ + eps) with the old m and v; at the first step v = 0.
        u.team.update3(
            u.params,
            m,
            v,
            u.grads,
            #[inline(always)]
            move |p, m, v, g| {
                let p = p - step_size * m / v.sqrt().mul_add(root, eps);
                (p, b1 * m + (1.0 - b1) * g, b2 * v + (1.0 - b2) * g * g)
            },
        );
    }
    fn formula(&self) -> &'static str {
        "θ ← θ - lr·(m/(1-β₁ᵗ))/(√(v/(1-β₂ᵗ)) + eps)   then m, v ← …   (misprinted)"
    }
}

/// The article's initial memory: every entry is (1 - β₁)β₁.
fn first_memory(params: &[f32], beta: f64, buffers: usize) -> OptimizerState {
    OptimizerState {
        vectors: vec![vec![((1.0 - beta) * beta) as f32; params.len()]; buffers],
        scalars: Vec::new(),
    }
}
