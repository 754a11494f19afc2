//! Sophia.

use super::{Optimizer, OptimizerState, Oracle, Update, WeightUpdate, correction};
use crate::engine::kernel;
use crate::engine::rng::{Purpose, Stream};
use crate::limits;
use crate::registry::settings;

settings! {
    /// Mean gradient over an estimate of the Hessian's diagonal, clipped. Liu et al. 2024, arXiv:2305.14342. optax's form.
    pub struct Sophia {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean curvature
        betas: (f64, f64) = (0.965, 0.99), 0.0..1.0;
        /// the least curvature that counts
        eps: f64 = 1e-8, 1e-30..=1.0;
        /// factor on the curvature: smaller clips less often
        gamma: f64 = 0.01, 0.0..=1e6;
        /// the longest step of a weight, in units of lr
        clip_threshold: f64 = 1.0, 0.0..=1e6;
        /// steps from one estimate of the curvature to the next
        update_interval: usize = 10, 1..=limits::STEPS;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 1e-4, 0.0..=100.0;
    }
}

impl Sophia {
    /// Makes one step; every `update_interval` steps `curvature` writes the Hessian's diagonal at the parameters.
    pub fn step_with(
        &self,
        state: &mut OptimizerState,
        u: Update<'_>,
        curvature: impl FnOnce(&[f32], &mut dyn Oracle, &mut [Vec<f32>]),
    ) {
        let (m, rest) = state.vectors.split_first_mut().expect("Sophia keeps 5 buffers");
        let (h, scratch) = rest.split_first_mut().expect("Sophia keeps 5 buffers");
        let due = (u.step - 1).is_multiple_of(self.update_interval as u64);
        if due {
            curvature(u.params, u.oracle, scratch);
        }
        let (b1, c1) = (self.betas.0 as f32, (1.0 - self.betas.0) as f32);
        let by_m = (1.0 / correction(self.betas.0, u.step)) as f32;
        let (gamma, eps, limit) = (self.gamma as f32, self.eps as f32, self.clip_threshold as f32);
        let (lr, wd) = (u.lr as f32, self.weight_decay as f32);
        // The step uses the previous curvature.
        u.team.update3(
            u.params,
            m,
            h,
            u.grads,
            #[inline(always)]
            move |p, m, h, g| {
                let m = b1.mul_add(m, c1 * g);
                let curvature = if gamma * h > eps { gamma * h } else { eps };
                let d = by_m * m / curvature;
                let d = if d > limit { limit } else { d };
                let d = if d < -limit { -limit } else { d };
                ((-lr).mul_add(wd.mul_add(p, d), p), m, h)
            },
        );
        if due {
            let (b2, c2) = (self.betas.1 as f32, (1.0 - self.betas.1) as f32);
            u.team.update1(
                h,
                &scratch[0],
                #[inline(always)]
                move |h, d| b2.mul_add(h, c2 * d),
            );
        }
    }
}

/// Hutchinson's estimate z ⊙ Hz with random signs z, Hz from two gradients: (∇f(θ + εz) - ∇f(θ - εz))/2ε.
///
/// The signs are a function of seed and step alone, so every lane draws the same. Writes to `scratch[0]`.
fn hutchinson(t: u64, params: &[f32], oracle: &mut dyn Oracle, scratch: &mut [Vec<f32>]) {
    let [diagonal, point, back] = scratch else { unreachable!("Sophia keeps 3 scratch buffers") };
    // The length balances the rounding of the gradient (relative 1e-7 / ε) against the third derivative (ε²).
    let root_mean_square = (kernel::sum_sq_f64(params) / params.len().max(1) as f64).sqrt();
    let eps = (1e-2 * (root_mean_square + 1e-3)) as f32;
    let stream = Stream::new(oracle.seed(), Purpose::Probe, t, 0);
    let signs = |offset: f32, point: &mut [f32]| {
        let mut stream = stream.clone();
        for (point, params) in point.chunks_mut(32).zip(params.chunks(32)) {
            let bits = stream.bits();
            for (j, (x, &p)) in point.iter_mut().zip(params).enumerate() {
                *x = if bits >> j & 1 == 1 { p + offset } else { p - offset };
            }
        }
    };
    signs(eps, point);
    oracle.gradient(point, diagonal);
    signs(-eps, point);
    oracle.gradient(point, back);
    let mut stream = stream.clone();
    let scale = 1.0 / (2.0 * eps);
    for (chunk, back) in diagonal.chunks_mut(32).zip(back.chunks(32)) {
        let bits = stream.bits();
        for (j, (d, &b)) in chunk.iter_mut().zip(back).enumerate() {
            let z = if bits >> j & 1 == 1 { scale } else { -scale };
            *d = z * (*d - b);
        }
    }
}

impl Optimizer for Sophia {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "h"]
    }
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![vec![0.0; params.len()]; 5], scalars: Vec::new() }
    }
    /// # Notes
    /// The diagonal is Hutchinson's estimate from differences of gradients on the same batch, so no second derivatives
    /// are needed. The first step has no curvature yet and is clipped everywhere.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let t = u.step;
        self.step_with(state, u, |params, oracle, scratch| hutchinson(t, params, oracle, scratch));
    }
    fn leaves_traces(&self) -> bool {
        true
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let mean = look.now(0) / correction(self.betas.0, look.step);
        let curvature = (self.gamma * look.old(1)).max(self.eps);
        let limit = self.clip_threshold;
        vec![
            ("m̂", mean),
            ("h before", look.old(1)),
            ("max(γh, eps)", curvature),
            ("clipped", (mean / curvature).clamp(-limit, limit)),
        ]
    }
    fn formula(&self) -> &'static str {
        "m ← β₁m + (1-β₁)g   θ ← θ - lr·(clip(m̂/max(γh, eps), ±c) + λθ)   every k steps h ← β₂h + (1-β₂)z⊙Hz   m̂ = m/(1-β₁ᵗ)"
    }
}
