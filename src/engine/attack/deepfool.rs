//! The nearest decision boundary of the linearised classifier, step by step.

use super::{Attack, AttackTask, PerturbationNorm, Victim, fooled, predicted};
use crate::registry::settings;

settings! {
    /// Steps to the nearest boundary of the linearised classifier. Moosavi-Dezfooli et al. 2016, arXiv:1511.04599.
    ///
    /// `x += (1 + overshoot)·|f_k - f_y|·(w_k - w_y)/‖w_k - w_y‖²`, k the class of the nearest boundary.
    ///
    /// # Notes
    /// As in torchattacks the overshoot is added in every step and the result is clamped in every step, so a sample at the
    /// edge of its range may stall just before the boundary; the paper adds the overshoot once, at the end. The paper has
    /// no targeted form; here a target is the only boundary looked at, seen from the present prediction.
    pub struct DeepFool {
        /// most steps; a sample stops when it is misclassified
        steps: usize = 50, 1..=10_000;
        /// how far beyond the boundary, as a share of the step
        overshoot: f64 = 0.02, 0.0..=10.0;
    }
}

impl Attack for DeepFool {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::L2
    }

    fn eps(&self) -> Option<f64> {
        None
    }

    fn passes(&self, classes: usize) -> usize {
        classes * self.steps
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let (size, classes) = (victim.size(), victim.classes());
        let at_once = classes.min(victim.rows());
        let mut spare = victim.borrow((classes + at_once) * size + classes);
        let (jacobian, rest) = spare.split_at_mut(classes * size);
        let (copies, logits) = rest.split_at_mut(at_once * size);
        out.copy_from_slice(task.x);
        for (x, &class) in out.chunks_exact_mut(size).zip(task.classes) {
            for _ in 0..self.steps {
                if victim.left() {
                    break;
                }
                linearise(victim, x, copies, logits, jacobian);
                if fooled(logits, class, task.targeted) || !self.step(task, class, logits, jacobian, x) {
                    break;
                }
            }
        }
        victim.restore(spare);
    }
}

impl DeepFool {
    /// Makes one step over the nearest boundary; returns whether there was one.
    fn step(
        &self,
        task: &AttackTask<'_>,
        class: u32,
        logits: &[f32],
        jacobian: &[f32],
        x: &mut [f32],
    ) -> bool {
        let size = x.len();
        let Some(from) = (if task.targeted { predicted(logits) } else { Some(class) }) else { return false };
        let row = |k: usize| &jacobian[k * size..(k + 1) * size];
        let normal = |k: usize| row(k).iter().zip(row(from as usize)).map(|(a, b)| a - b);
        // Distance to the boundary, its class, |f_k - f_y|, ‖w_k - w_y‖².
        let mut nearest: Option<(f32, usize, f32, f32)> = None;
        for k in 0..logits.len() {
            if k == from as usize || (task.targeted && k != class as usize) {
                continue;
            }
            let square = normal(k).map(|w| f64::from(w) * f64::from(w)).sum::<f64>();
            let gap = (logits[k] - logits[from as usize]).abs();
            let distance = gap / square.sqrt() as f32;
            // A boundary without a gradient is not a candidate.
            if square > 0.0 && distance.is_finite() && nearest.is_none_or(|(least, ..)| distance < least) {
                nearest = Some((distance, k, gap, square as f32));
            }
        }
        let Some((_, k, gap, square)) = nearest else { return false };
        let factor = (1.0 + self.overshoot) as f32 * gap / square;
        for (i, (x, w)) in x.iter_mut().zip(normal(k)).enumerate() {
            *x = task.valid.clamp(i, *x + factor * w);
        }
        true
    }
}

/// The logits of one sample and their gradients with respect to the input, [classes, size], computed in one pass over
/// copies of the sample.
fn linearise(
    victim: &mut Victim<'_>,
    x: &[f32],
    copies: &mut [f32],
    logits: &mut [f32],
    jacobian: &mut [f32],
) {
    let (size, classes) = (x.len(), logits.len());
    let at_once = copies.len() / size;
    for first in (0..classes).step_by(at_once) {
        let count = at_once.min(classes - first);
        for copy in copies.chunks_exact_mut(size) {
            copy.copy_from_slice(x);
        }
        let (z, grad) = victim.gradient(&copies[..count * size], |_, seed| {
            seed.fill(0.0);
            for (row, seed) in seed.chunks_exact_mut(classes).enumerate() {
                seed[first + row] = 1.0;
            }
        });
        logits.copy_from_slice(&z[..classes]);
        jacobian[first * size..(first + count) * size].copy_from_slice(grad);
    }
}
