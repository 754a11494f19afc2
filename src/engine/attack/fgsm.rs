//! One step along the sign of the gradient.

use super::linf::{random_start, step};
use super::{Attack, AttackTask, PerturbationNorm, Victim};
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
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::Linf
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        1
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let eps = self.eps as f32;
        if self.random_start {
            random_start(victim.size(), task, eps, 0, out);
            step(victim, task, eps, STEP_FROM_RANDOM_START * eps, out);
        } else {
            out.copy_from_slice(task.x);
            step(victim, task, eps, eps, out);
        }
    }
}
