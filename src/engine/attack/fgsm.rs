//! One step along the sign of the gradient.

use super::{Attack, Norm, Task, Victim, sign};
use crate::engine::rng::Purpose;
use crate::registry::settings;

settings! {
    /// One step x + eps·sign(∇ₓL), clamped. Goodfellow et al. 2015, arXiv:1412.6572.
    pub struct Fgsm {
        /// L-inf size of the perturbation, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// start at a random point of the ball, step 1.25 eps, project (Wong et al. 2020, arXiv:2001.03994)
        random_start: bool = false;
    }
}

/// Length of the step from a random start in units of eps, as Wong et al. found best.
const STEP_FROM_RANDOM_START: f32 = 1.25;

impl Attack for Fgsm {
    fn norm(&self) -> Norm {
        Norm::Linf
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        1
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &Task<'_>, out: &mut [f32]) {
        let eps = self.eps as f32;
        if self.random_start {
            random_start(victim.size(), task, eps, 0, out);
            linf_step(victim, task, eps, STEP_FROM_RANDOM_START * eps, out);
        } else {
            out.copy_from_slice(task.x);
            linf_step(victim, task, eps, eps, out);
        }
    }
}

/// Writes a uniformly random point of the L-inf ball of radius eps about each sample, clamped; `nth` tells restarts apart.
pub(super) fn random_start(size: usize, task: &Task<'_>, eps: f32, nth: usize, out: &mut [f32]) {
    for (row, (out, x0)) in out.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).enumerate() {
        let mut draw = task.key.stream(Purpose::Attack, row);
        draw.seek((nth * size) as u64);
        for (i, (out, &x0)) in out.iter_mut().zip(x0).enumerate() {
            *out = task.valid.clamp(i, x0 + draw.uniform(-eps, eps));
        }
    }
}

/// x ← clamp(clip(x ± alpha·sign(∇ₓL), x0 - eps, x0 + eps)) for all samples of the task.
pub(super) fn linf_step(victim: &mut Victim<'_>, task: &Task<'_>, eps: f32, alpha: f32, x: &mut [f32]) {
    let (_, grad) = victim.loss_gradient(x, task.classes, 1.0);
    linf_move(task, eps, alpha, grad, x);
}

/// The same along the sign of a given direction.
pub(super) fn linf_move(task: &Task<'_>, eps: f32, alpha: f32, direction: &[f32], x: &mut [f32]) {
    let step = task.direction() * alpha;
    let size = task.x.len() / task.classes.len().max(1);
    for ((x, x0), g) in
        x.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).zip(direction.chunks_exact(size))
    {
        for (i, ((x, &x0), &g)) in x.iter_mut().zip(x0).zip(g).enumerate() {
            let moved = (*x + step * sign(g)).max(x0 - eps).min(x0 + eps);
            *x = task.valid.clamp(i, moved);
        }
    }
}
