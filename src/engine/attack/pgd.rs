//! Projected gradient descent inside the L-inf ball.

use super::linf::{best_of, random_start, step, step_length};
use super::{Attack, AttackTask, PerturbationNorm, Victim};
use crate::registry::settings;

settings! {
    /// Projected gradient descent in the L-inf ball, from a random start. Madry et al. 2018, arXiv:1706.06083.
    pub struct Pgd {
        /// L-inf size of the perturbation, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// length of a step; None: 2.5 eps/steps
        alpha: Option<f64> = None, 0.0..=1e6;
        /// how many steps
        steps: usize = 10, 1..=10_000;
        /// start at a uniformly random point of the ball
        random_start: bool = true;
        /// random starts, of which the best counts
        restarts: usize = 1, 1..=1000;
    }
}

impl Pgd {
    fn attempts(&self) -> usize {
        // Without a random start all attempts are equal.
        if self.random_start { self.restarts } else { 1 }
    }
}

impl Attack for Pgd {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::Linf
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        self.steps * self.attempts()
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let (size, eps) = (victim.size(), self.eps as f32);
        let alpha = step_length(self.alpha, self.eps, self.steps);
        best_of(self.attempts(), victim, task, out, |victim, nth, x| {
            if self.random_start {
                random_start(size, task, eps, nth, x);
            } else {
                x.copy_from_slice(task.x);
            }
            for _ in 0..self.steps {
                if victim.left() {
                    break;
                }
                step(victim, task, eps, alpha, x);
            }
        });
    }
}
