//! Prodigy.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Adam that estimates its own rate from the distance travelled; leave lr at 1. Mishchenko & Defazio 2024, arXiv:2306.06101. The form of optax, or with `bias_correction: false` prodigyopt's.
    pub struct Prodigy {
        /// factor on the estimated rate
        lr: f64 = 1.0, 0.0..=1e6;
        /// decay rates of the mean gradient and of the mean square
        betas: (f64, f64) = (0.9, 0.999), 0.0..1.0;
        /// added to the root, times the estimate
        eps: f64 = 1e-8, 0.0..=1.0;
        /// first estimate d₀ of the distance to the solution
        estim_lr0: f64 = 1e-6, 1e-30..=1e6;
        /// factor on every later estimate
        estim_lr_coef: f64 = 1.0, 0.0..=1e6;
        /// whether k corrects the means for their start at 0, as optax does; prodigyopt does not unless told to
        bias_correction: bool = true;
        /// share of the weights taken away at each step, times the rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Prodigy {
    /// k, the learning rate of step t with the estimate d.
    fn rate(&self, lr: f64, t: u64, d: f64) -> f64 {
        let corrected = correction(self.betas.1, t).sqrt() / correction(self.betas.0, t);
        d * lr * if self.bias_correction { corrected } else { 1.0 }
    }
}

impl Optimizer for Prodigy {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v", "s", "δ"]
    }
    /// The scalars are the estimate d and the running sum r; both belong to all tensors together.
    fn init(&self, params: &[f32]) -> OptimizerState {
        OptimizerState { vectors: vec![vec![0.0; params.len()]; 4], scalars: vec![self.estim_lr0, 0.0] }
    }
    /// # Notes
    /// δ = θ₀ - θ is summed separately: the difference of the weights would lose precision in f32 while d is tiny.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let OptimizerState { vectors, scalars } = state;
        let [m, v, s, delta] = &mut vectors[..] else { unreachable!("Prodigy keeps 4 buffers") };
        let (beta1, beta2) = self.betas;
        let beta3 = beta2.sqrt();
        let (d, d0) = (scalars[0], self.estim_lr0);
        let k = self.rate(u.lr, u.step, d);
        let travelled = kernel::dot_f64(u.grads, delta);
        let (b1, c1) = (beta1 as f32, ((1.0 - beta1) * d) as f32);
        let (b2, c2) = (beta2 as f32, ((1.0 - beta2) * d * d) as f32);
        let (b3, c3) = (beta3 as f32, (k * d / d0) as f32);
        u.team.update3(
            m,
            v,
            s,
            u.grads,
            #[inline(always)]
            move |m, v, s, g| (b1.mul_add(m, c1 * g), b2.mul_add(v, c2 * g * g), b3.mul_add(s, c3 * g)),
        );
        scalars[1] = beta3 * scalars[1] + d / d0 * k * travelled;
        let size = kernel::sum_abs_f64(s);
        if size > 0.0 {
            scalars[0] = d.max(self.estim_lr_coef * scalars[1] / size);
        }
        let (k, wd, eps) = (k as f32, (self.weight_decay * k) as f32, (scalars[0] * self.eps) as f32);
        u.team.update4(
            u.params,
            delta,
            m,
            v,
            u.grads,
            #[inline(always)]
            move |p, delta, m, v, _| {
                let step = wd.mul_add(p, k * quotient(m, v.sqrt() + eps));
                (p - step, delta + step, m, v)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let (d, next) = (look.before.scalars[0], look.after.scalars[0]);
        vec![
            ("d", d),
            ("d after", next),
            ("k", self.rate(look.lr, look.step, d)),
            ("√v + d·eps", look.now(1).sqrt() + next * self.eps),
        ]
    }
    fn formula(&self) -> &'static str {
        "k = d·lr·√(1-β₂ᵗ)/(1-β₁ᵗ), or d·lr without bias correction   m ← β₁m + (1-β₁)d·g   v ← β₂v + (1-β₂)d²g²   s ← √β₂·s + k·d/d₀·g   r ← √β₂·r + k·d/d₀·Σg·δ   d ← max(d, r/Σ|s|)   θ ← θ - k·(m/(√v + d·eps) + λθ)   δ = θ₀ - θ"
    }
}
