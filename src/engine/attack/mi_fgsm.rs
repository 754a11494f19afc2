//! FGSM in steps along an accumulated gradient.

use super::linf::{move_along, step_length};
use super::{Attack, AttackTask, PerturbationNorm, Victim};
use crate::registry::settings;

settings! {
    /// Iterated FGSM with momentum: v ← decay·v + g/mean|g|, step along sign(v). Dong et al. 2018, arXiv:1710.06081.
    pub struct MiFgsm {
        /// L-inf size of the perturbation, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// length of a step; None: 2.5 eps/steps
        alpha: Option<f64> = None, 0.0..=1e6;
        /// how many steps
        steps: usize = 10, 1..=10_000;
        /// share of the accumulated gradient that stays in a step
        decay: f64 = 1.0, 0.0..=10.0;
    }
}

impl Attack for MiFgsm {
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
        let (size, decay) = (victim.size(), self.decay as f32);
        let alpha = step_length(self.alpha, self.eps, self.steps);
        let mut velocity = victim.borrow(out.len());
        out.copy_from_slice(task.x);
        for _ in 0..self.steps {
            if victim.left() {
                break;
            }
            let (_, grad) = victim.loss_gradient(out, task.classes, 1.0);
            for (v, g) in velocity.chunks_exact_mut(size).zip(grad.chunks_exact(size)) {
                let mean = (g.iter().map(|g| f64::from(g.abs())).sum::<f64>() / size as f64) as f32;
                for (v, &g) in v.iter_mut().zip(g) {
                    // A zero gradient would give 0/0 in the formula; it adds nothing, and neither does one that is not
                    // finite.
                    let fresh = if mean > 0.0 && mean.is_finite() { g / mean } else { 0.0 };
                    *v = decay * *v + fresh;
                }
            }
            move_along(task, self.eps as f32, alpha, &velocity, out);
        }
        victim.restore(velocity);
    }
}
