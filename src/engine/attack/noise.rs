//! Random perturbations: the baseline that an attack must beat.

use super::linf::random_start;
use super::{Attack, AttackTask, PerturbationNorm, Victim};
use crate::engine::rng::Purpose;
use crate::registry::settings;

settings! {
    /// Uniform noise in ±eps on every feature, clamped: no attack, but the measure of one.
    pub struct UniformNoise {
        /// largest change of a feature, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
    }
}

impl Attack for UniformNoise {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::Linf
    }

    fn eps(&self) -> Option<f64> {
        Some(self.eps)
    }

    fn passes(&self, _: usize) -> usize {
        0
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        random_start(victim.size(), task, self.eps as f32, 0, out);
    }
}

settings! {
    /// Gaussian noise on every feature, clamped: no attack, but the measure of one.
    pub struct GaussianNoise {
        /// standard deviation of the noise, in units of the inputs
        std: f64 = 0.1, 0.0..=1e6;
    }
}

impl Attack for GaussianNoise {
    fn norm(&self) -> PerturbationNorm {
        PerturbationNorm::L2
    }

    fn eps(&self) -> Option<f64> {
        None
    }

    fn passes(&self, _: usize) -> usize {
        0
    }

    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let (size, std) = (victim.size(), self.std as f32);
        for (row, (out, x0)) in out.chunks_exact_mut(size).zip(task.x.chunks_exact(size)).enumerate() {
            let mut draw = task.key.stream(Purpose::Attack, row);
            for (i, (out, &x0)) in out.iter_mut().zip(x0).enumerate() {
                *out = task.valid.clamp(i, x0 + std * draw.normal());
            }
        }
    }
}
