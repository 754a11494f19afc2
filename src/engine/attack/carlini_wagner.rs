//! The smallest Euclidean perturbation, found by optimisation.

use super::task::best_other;
use super::{Attack, AttackTask, PerturbationNorm, Victim, fooled, margin};
use crate::registry::settings;

settings! {
    /// Least L2 perturbation by Adam on ‖a - x‖² + c·max(-margin, -kappa). Carlini & Wagner 2017, arXiv:1608.04644.
    ///
    /// a = low + (high - low)(tanh w + 1)/2 is in range by construction; of all iterates that fool the network the nearest
    /// counts, and where none does the sample stays as it is.
    ///
    /// # Notes
    /// As in torchattacks there is one c, no search for it. A feature at the very edge of its range would have w = ±∞ and
    /// never move; it starts 1e-6 of half the range inside, as in foolbox.
    pub struct CarliniWagner {
        /// weight of fooling the network against staying near
        c: f64 = 1.0, 0.0..=1e9;
        /// the margin, in logits, beyond which nothing more is asked for
        kappa: f64 = 0.0, 0.0..=1e6;
        /// steps of Adam
        steps: usize = 50, 1..=100_000;
        /// learning rate of Adam
        lr: f64 = 0.01, 0.0..=100.0;
        /// stop when the batch's total cost has grown, looked at every steps/10 steps; makes samples depend on their batch
        abort_early: bool = false;
    }
}

const BETAS: (f64, f64) = (0.9, 0.999);
const ADAM_EPS: f32 = 1e-8;
/// tanh w at the edge of the range.
const EDGE: f32 = 1.0 - 1e-6;

impl Attack for CarliniWagner {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::L2
    }

    fn eps(&self) -> Option<f64> {
        None
    }

    fn passes(&self, _: usize) -> usize {
        self.steps
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let (size, width, n, rows) = (victim.size(), victim.classes(), out.len(), task.classes.len());
        let (c, kappa, lr) = (self.c as f32, self.kappa as f32, self.lr as f32);
        let mut spare = victim.borrow(4 * n + rows);
        let (w, rest) = spare.split_at_mut(n);
        let (m, rest) = rest.split_at_mut(n);
        let (v, rest) = rest.split_at_mut(n);
        let (a, nearest) = rest.split_at_mut(n);
        nearest.fill(f32::INFINITY);
        out.copy_from_slice(task.x);
        for (i, (w, &x)) in w.iter_mut().zip(task.x).enumerate() {
            let (middle, half) = centre(task, i % size);
            let inside = if half > 0.0 { (x - middle) / half } else { 0.0 };
            *w = libm::atanhf(inside.clamp(-EDGE, EDGE));
        }
        let (mut power1, mut power2) = (1.0, 1.0);
        let mut cost_before = f64::INFINITY;
        for step in 0..self.steps {
            if victim.left() {
                break;
            }
            for (i, (a, &w)) in a.iter_mut().zip(&*w).enumerate() {
                let (middle, half) = centre(task, i % size);
                *a = task.valid.clamp(i % size, middle + half * libm::tanhf(w));
            }
            let (logits, grad) = victim.gradient(a, |logits, seed| {
                seed.fill(0.0);
                let rows = logits.chunks_exact(width).zip(seed.chunks_exact_mut(width)).zip(task.classes);
                for ((z, seed), &class) in rows {
                    // d/dz of c·max(-margin, -kappa)
                    let up = task.direction() * c;
                    if let Some(other) = best_other(z, class)
                        && -margin(z, class, task.targeted) > -kappa
                    {
                        seed[class as usize] = up;
                        seed[other] = -up;
                    }
                }
            });
            power1 *= BETAS.0;
            power2 *= BETAS.1;
            let (correct1, correct2) = ((1.0 - power1) as f32, (1.0 - power2) as f32);
            let mut cost = 0.0;
            for row in 0..rows {
                let (z, class) = (&logits[row * width..(row + 1) * width], task.classes[row]);
                let numbers = row * size..(row + 1) * size;
                let away = |i: usize| a[i] - task.x[i];
                let square = numbers.clone().map(|i| f64::from(away(i)) * f64::from(away(i))).sum::<f64>();
                cost += square + f64::from(c) * f64::from((-margin(z, class, task.targeted)).max(-kappa));
                for i in numbers.clone() {
                    let (_, half) = centre(task, i - row * size);
                    let t = libm::tanhf(w[i]);
                    let g = (2.0 * away(i) + grad[i]) * half * (1.0 - t * t);
                    m[i] = BETAS.0 as f32 * m[i] + (1.0 - BETAS.0) as f32 * g;
                    v[i] = BETAS.1 as f32 * v[i] + (1.0 - BETAS.1) as f32 * g * g;
                    w[i] -= lr * (m[i] / correct1) / ((v[i] / correct2).sqrt() + ADAM_EPS);
                }
                if fooled(z, class, task.targeted) && (square as f32) < nearest[row] {
                    nearest[row] = square as f32;
                    out[numbers.clone()].copy_from_slice(&a[numbers]);
                }
            }
            if self.abort_early && step % (self.steps / 10).max(1) == 0 {
                if cost > cost_before {
                    break;
                }
                cost_before = cost;
            }
        }
        victim.restore(spare);
    }
}

/// Middle and half width of the range of feature `i`.
fn centre(task: &AttackTask<'_>, i: usize) -> (f32, f32) {
    let (low, high) = task.valid.of(i);
    (f32::midpoint(low, high), 0.5 * (high - low))
}
