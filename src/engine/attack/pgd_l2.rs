//! Projected gradient descent inside the Euclidean ball.

use super::linf::{best_of, step_length};
use super::{Attack, AttackTask, PerturbationNorm, Victim};
use crate::engine::rng::Purpose;
use crate::registry::settings;

settings! {
    /// Projected gradient descent in the Euclidean ball, along the normalised gradient. Madry et al. 2018, arXiv:1706.06083.
    pub struct PgdL2 {
        /// L2 size of the perturbation, in units of the inputs
        eps: f64 = 1.0, 0.0..=1e6;
        /// length of a step; None: 2.5 eps/steps
        alpha: Option<f64> = None, 0.0..=1e6;
        /// how many steps
        steps: usize = 10, 1..=10_000;
        /// start at a uniformly random point of the ball
        random_start: bool = true;
        /// random starts, of which the best counts
        restarts: usize = 1, 1..=1000;
        /// added to the length of the gradient by which it is divided
        eps_for_division: f64 = 1e-10, 0.0..=1.0;
    }
}

impl PgdL2 {
    fn attempts(&self) -> usize {
        // Without a random start all attempts are equal.
        if self.random_start { self.restarts } else { 1 }
    }

    /// Uniform in the ball: a normal direction, and a radius eps·u^(1/n).
    fn random_start(&self, size: usize, task: &AttackTask<'_>, nth: usize, out: &mut [f32]) {
        for (row, (out, x0)) in out.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).enumerate() {
            let mut draw = task.key.stream(Purpose::Attack, row);
            // A normal number uses two draws, the radius one.
            draw.seek((nth * (2 * size + 1)) as u64);
            let radius = self.eps as f32 * libm::powf(draw.unit(), 1.0 / size as f32);
            out.fill_with(|| draw.normal());
            let length = length(out.iter().copied());
            let factor = if length > 0.0 { radius / length } else { 0.0 };
            for (i, (out, &x0)) in out.iter_mut().zip(x0).enumerate() {
                *out = task.valid.clamp(i, x0 + factor * *out);
            }
        }
    }

    fn step(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, alpha: f32, x: &mut [f32]) {
        let (size, eps) = (victim.size(), self.eps as f32);
        let (_, grad) = victim.loss_gradient(x, task.classes, 1.0);
        for ((x, x0), g) in
            x.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).zip(grad.chunks_exact(size))
        {
            let slope = length(g.iter().copied()) + self.eps_for_division as f32;
            // A gradient that is zero or not finite moves nothing.
            let along = task.direction() * alpha / slope;
            if along.is_finite() && slope.is_finite() {
                for (x, &g) in x.iter_mut().zip(g) {
                    *x += along * g;
                }
            }
            let away = length(x.iter().zip(x0).map(|(x, x0)| x - x0));
            let back = if away > eps { eps / away } else { 1.0 };
            for (i, (x, &x0)) in x.iter_mut().zip(x0).enumerate() {
                *x = task.valid.clamp(i, x0 + back * (*x - x0));
            }
        }
    }
}

/// Euclidean length, summed in f64 and in order.
fn length(x: impl Iterator<Item = f32>) -> f32 {
    x.map(|x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt() as f32
}

impl Attack for PgdL2 {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::L2
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        self.steps * self.attempts()
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let size = victim.size();
        let alpha = step_length(self.alpha, self.eps, self.steps);
        best_of(self.attempts(), victim, task, out, |victim, nth, x| {
            if self.random_start {
                self.random_start(size, task, nth, x);
            } else {
                x.copy_from_slice(task.x);
            }
            for _ in 0..self.steps {
                if victim.left() {
                    break;
                }
                self.step(victim, task, alpha, x);
            }
        });
    }
}
