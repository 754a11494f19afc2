//! FGSM in small steps from the clean input.

use super::linf::{step, step_length};
use super::{Attack, AttackTask, PerturbationNorm, Victim};
use crate::registry::settings;

settings! {
    /// Basic iterative method: FGSM in steps, projected on the ball. Kurakin et al. 2017, arXiv:1607.02533.
    pub struct Bim {
        /// L-inf size of the perturbation, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// length of a step; None: 2.5 eps/steps
        alpha: Option<f64> = None, 0.0..=1e6;
        /// how many steps
        steps: usize = 10, 1..=10_000;
    }
}

impl Attack for Bim {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::Linf
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        self.steps
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let alpha = step_length(self.alpha, self.eps, self.steps);
        out.copy_from_slice(task.x);
        for _ in 0..self.steps {
            if victim.left() {
                break;
            }
            step(victim, task, self.eps as f32, alpha, out);
        }
    }
}
