//! `NovoGrad`.

use super::{Optimizer, OptimizerState, Update, WeightUpdate};
use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Momentum of gradients that are normalised by a running norm of their tensor. Ginsburg et al. 2019, arXiv:1905.11286. optax's form.
    pub struct NovoGrad {
        /// learning rate
        lr: f64 = 0.01, 0.0..=1e6;
        /// decay rates of the momentum and of the squared norm
        betas: (f64, f64) = (0.9, 0.25), 0.0..1.0;
        /// added to the norm, so that nothing is divided by zero
        eps: f64 = 1e-6, 0.0..=1.0;
        /// share of the weights added to the normalised gradient
        weight_decay: f64 = 0.0, 0.0..=100.0;
    }
}

impl Optimizer for NovoGrad {
    lr_field!();
    fn buffers(&self) -> &'static [&'static str] {
        &["m", "n"]
    }
    /// # Notes
    /// n is one number per tensor; its buffer repeats it for every entry of the tensor.
    fn step(&self, state: &mut OptimizerState, u: Update<'_>) {
        let [m, n] = &mut state.vectors[..] else { unreachable!("NovoGrad keeps 2 buffers") };
        let (lr, b1, wd) = (u.lr as f32, self.betas.0 as f32, self.weight_decay as f32);
        for slot in u.slots.iter().filter(|s| !s.range.is_empty()) {
            let r = slot.range.clone();
            let g = &u.grads[r.clone()];
            let square = kernel::sum_sq_f64(g);
            let old = f64::from(n[r.start]);
            let new = if u.step == 1 { square } else { self.betas.1 * old + (1.0 - self.betas.1) * square };
            n[r.clone()].fill(new as f32);
            let norm = new.sqrt() + self.eps;
            let scale = if norm > 0.0 { (1.0 / norm) as f32 } else { 0.0 };
            u.team.update2(
                &mut u.params[r.clone()],
                &mut m[r],
                g,
                #[inline(always)]
                move |p, m, g| {
                    let m = b1.mul_add(m, wd.mul_add(p, scale * g));
                    ((-lr).mul_add(m, p), m)
                },
            );
        }
    }
    fn derived(&self, look: &WeightUpdate<'_>) -> Vec<(&'static str, f64)> {
        vec![("√n + eps", look.now(1).sqrt() + self.eps)]
    }
    fn formula(&self) -> &'static str {
        "n ← β₂n + (1-β₂)‖g‖² (of the tensor)   m ← β₁m + g/(√n + eps) + λθ   θ ← θ - lr·m"
    }
}
