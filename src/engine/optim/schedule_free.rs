//! Methods that average the weights instead of lowering the learning rate: trained at y, evaluated at x.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::limits;
use crate::registry::settings;

settings! {
    /// Gradient descent with an average in place of a schedule. Defazio et al. 2024, arXiv:2405.15682. optax's form.
    pub struct ScheduleFreeSgd {
        /// learning rate
        lr: f64 = 1.0, 0.0..=1e6;
        /// how near the gradient is taken to the average: y = β x + (1-β) z
        b1: f64 = 0.9, 0.0..=1.0;
        /// steps over which the rate rises
        warmup_steps: usize = 0, 0..=limits::STEPS;
        /// L2 penalty added to the gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// power of the highest rate so far with which a step counts in the average
        weight_lr_power: f64 = 2.0, 0.0..=10.0;
    }
}

settings! {
    /// `AdamW` without momentum but with an average in place of a schedule. Defazio et al. 2024, arXiv:2405.15682. optax's form.
    pub struct ScheduleFreeAdamW {
        /// learning rate
        lr: f64 = 0.0025, 0.0..=1e6;
        /// how near the gradient is taken to the average, and decay rate of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
        /// steps over which the rate rises
        warmup_steps: usize = 0, 0..=limits::STEPS;
        /// power of the highest rate so far with which a step counts in the average
        weight_lr_power: f64 = 2.0, 0.0..=10.0;
    }
}

/// The learning rate of this step and its share c of the average; the scalars are the highest rate and the sum of
/// weights.
///
/// # Notes
/// The step's rate rises from 0 and the weight's rate from lr/warmup, one step apart, as in optax.
fn rate_and_share(scalars: &mut [f64], lr: f64, t: u64, warmup_steps: usize, power: f64) -> (f64, f64) {
    let warmup = warmup_steps as f64;
    let ramp = |t: u64| if warmup_steps == 0 { 1.0 } else { (t as f64 / warmup).min(1.0) };
    scalars[0] = scalars[0].max(lr * ramp(t));
    let weight = libm::pow(scalars[0], power);
    scalars[1] += weight;
    (lr * ramp(t - 1), if scalars[1] > 0.0 { weight / scalars[1] } else { 0.0 })
}

impl Optimizer for ScheduleFreeSgd {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["z", "x"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![params.to_vec(); 2], scalars: vec![0.0; 2] }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let OptimizerState { vectors, scalars } = state;
        let [z, x] = &mut vectors[..] else { unreachable!("ScheduleFreeSgd keeps 2 buffers") };
        let (lr, share) = rate_and_share(scalars, u.lr, u.step, self.warmup_steps, self.weight_lr_power);
        let (lr, share, b1, wd) = (lr as f32, share as f32, self.b1 as f32, self.weight_decay as f32);
        u.team.update3(
            u.params,
            z,
            x,
            u.grads,
            #[inline(always)]
            move |y, z, x, g| {
                let z = (-lr).mul_add(wd.mul_add(y, g), z);
                let x = share.mul_add(z - x, x);
                (b1.mul_add(x - z, z), z, x)
            },
        );
    }
    fn eval_params<'a>(&self, state: &'a OptimizerState) -> Option<&'a [f32]> {
        Some(&state.vectors[1])
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("c", share_of(look, self.weight_lr_power))]
    }
    fn formula(&self) -> &'static str {
        "z ← z - lr·(g + λθ)   x ← (1-c)x + cz   θ ← βx + (1-β)z   c = w/Σw, w = lrᵖ   evaluated at x"
    }
}

impl Optimizer for ScheduleFreeAdamW {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["v", "z", "x"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        let start = params.to_vec();
        OptimizerState { vectors: vec![vec![0.0; params.len()], start.clone(), start], scalars: vec![0.0; 2] }
    }
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let OptimizerState { vectors, scalars } = state;
        let [v, z, x] = &mut vectors[..] else { unreachable!("ScheduleFreeAdamW keeps 3 buffers") };
        let (lr, share) = rate_and_share(scalars, u.lr, u.step, self.warmup_steps, self.weight_lr_power);
        let (lr, share, b1, wd) = (lr as f32, share as f32, self.betas.0 as f32, self.weight_decay as f32);
        let (b2, c2) = (self.betas.1 as f32, (1.0 - self.betas.1) as f32);
        let (root, eps) = ((1.0 / correction(self.betas.1, u.step).sqrt()) as f32, self.eps as f32);
        u.team.update4(
            u.params,
            v,
            z,
            x,
            u.grads,
            #[inline(always)]
            move |y, v, z, x, g| {
                let v = b2.mul_add(v, c2 * g * g);
                let d = quotient(g, v.sqrt().mul_add(root, eps));
                let z = (-lr).mul_add(wd.mul_add(y, d), z);
                let x = share.mul_add(z - x, x);
                (b1.mul_add(x - z, z), v, z, x)
            },
        );
    }
    fn eval_params<'a>(&self, state: &'a OptimizerState) -> Option<&'a [f32]> {
        Some(&state.vectors[2])
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let corrected = look.now(0) / correction(self.betas.1, look.step);
        vec![
            ("v̂", corrected),
            ("√v̂ + eps", corrected.sqrt() + self.eps),
            ("c", share_of(look, self.weight_lr_power)),
        ]
    }
    fn formula(&self) -> &'static str {
        "v ← β₂v + (1-β₂)g²   z ← z - lr·(g/(√v̂ + eps) + λθ)   x ← (1-c)x + cz   θ ← β₁x + (1-β₁)z   v̂ = v/(1-β₂ᵗ)   c = w/Σw, w = lrᵖ   evaluated at x"
    }
}

/// The share c of the step that led to this state.
fn share_of(look: &WeightUpdate<'_>, power: f64) -> f64 {
    let scalars = &look.after.scalars;
    if scalars[1] > 0.0 { libm::pow(scalars[0], power) / scalars[1] } else { 0.0 }
}
