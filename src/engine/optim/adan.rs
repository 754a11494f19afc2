//! Adan.

use super::{Optimizer, OptimizerState, Update, WeightUpdate, correction, quotient};
use crate::registry::settings;

settings! {
    /// Adam with Nesterov's momentum estimated from differences of gradients. Xie et al. 2022, arXiv:2208.06677. optax's form.
    pub struct Adan {
        /// learning rate
        lr: f64 = 0.001, 0.0..=1e6;
        /// decay rates (1 - β of the paper) of the mean gradient, of its differences and of the mean square
        betas: (f64, f64, f64) = (0.98, 0.92, 0.99), 0.0..1.0;
        /// added to the root, so that nothing is divided by zero
        eps: f64 = 1e-8, 0.0..=1.0;
        /// added inside the root
        eps_root: f64 = 1e-8, 0.0..=1.0;
        /// share of the weights taken away at each step, times the learning rate
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for Adan {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "v", "n", "g′"]
    }
    /// # Notes
    /// The differences enter with the weight 1 - β₂, as in optax.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, v, n, previous] = &mut state.vectors[..] else { unreachable!("Adan keeps 4 buffers") };
        let (beta1, beta2, beta3) = self.betas;
        let (b1, b2, b3) = (beta1 as f32, beta2 as f32, beta3 as f32);
        let (c1, c2, c3) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, (1.0 - beta3) as f32);
        let by_m = (1.0 / correction(beta1, u.step)) as f32;
        let by_v = ((1.0 - beta2) / correction(beta2, u.step)) as f32;
        let by_n = (1.0 / correction(beta3, u.step)) as f32;
        let (lr, wd, eps, eps_root) =
            (u.lr as f32, self.weight_decay as f32, self.eps as f32, self.eps_root as f32);
        let first = u.step == 1;
        u.team.update5(
            u.params,
            m,
            v,
            n,
            previous,
            u.grads,
            #[inline(always)]
            move |p, m, v, n, previous, g| {
                let d = if first { 0.0 } else { g - previous };
                let m = b1.mul_add(m, c1 * g);
                let v = b2.mul_add(v, c2 * d);
                let ahead = c2.mul_add(d, g);
                let n = b3.mul_add(n, c3 * ahead * ahead);
                let denominator = n.mul_add(by_n, eps_root).sqrt() + eps;
                let step = quotient(by_m.mul_add(m, by_v * v), denominator);
                ((-lr).mul_add(wd.mul_add(p, step), p), m, v, n, g)
            },
        );
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        let (b1, b2, b3) = self.betas;
        let corrected = look.now(2) / correction(b3, look.step);
        vec![
            ("m̂", look.now(0) / correction(b1, look.step)),
            ("v̂", look.now(1) / correction(b2, look.step)),
            ("n̂", corrected),
            ("√(n̂ + eps_root) + eps", (corrected + self.eps_root).sqrt() + self.eps),
        ]
    }
    fn formula(&self) -> &'static str {
        "d = g - g′   m ← β₁m + (1-β₁)g   v ← β₂v + (1-β₂)d   n ← β₃n + (1-β₃)(g + (1-β₂)d)²   θ ← θ - lr·((m̂ + (1-β₂)v̂)/(√(n̂ + eps_root) + eps) + λθ)   g′ ← g"
    }
}
