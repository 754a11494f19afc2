//! Measures the robustness of a classifier: accuracy under attack, accuracy against the size of the attack, the least
//! size that fools it.
//!
//! Plain functions over a [`Victim`] and a batch; knows no lane, no step and no time.

use crate::engine::attack::{Attack, AttackConfig, AttackTask, Victim, fgsm, noise, pgd};
use crate::registry::settings;

pub mod least;
pub mod prediction;
pub mod smoothing;
pub mod trust;

settings! {
    /// Accuracy on a fixed batch while training: clean, under uniform noise, FGSM and PGD of one size.
    pub struct Robustness {
        /// L-inf size of noise and attacks, in units of the inputs
        eps: f64 = 0.1, 0.0..=1e6;
        /// further sizes, measured when the run ends: accuracy against size
        sizes: Vec<f64> = Vec::new(), 0.0..=1e6;
        /// steps of PGD
        pgd_steps: usize = 10, 1..=1000;
        /// samples of the batch: the first ones for validation
        samples: usize = 64, 1..=65_536;
        /// steps of training between two measurements; None: as often as the budget allows
        every: Option<usize> = None, 1..=1_000_000_000;
        /// gradient evaluations that measuring may take, as a share of those of training
        budget: f64 = 0.1, 1e-6..=1000.0;
    }
}

/// Shares of right answers on one batch, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracies {
    /// On clean inputs.
    pub clean: f64,
    /// Under uniform noise.
    pub noise: f64,
    /// Under FGSM.
    pub fgsm: f64,
    /// Under PGD.
    pub pgd: f64,
}

impl Robustness {
    /// The attacks that are measured: noise, FGSM, PGD.
    pub fn attacks(&self) -> [AttackConfig; 3] {
        let eps = self.eps;
        [
            noise::UniformNoise { eps }.into(),
            fgsm::Fgsm { eps, ..fgsm::Fgsm::default() }.into(),
            pgd::Pgd { eps, steps: self.pgd_steps, ..pgd::Pgd::default() }.into(),
        ]
    }

    /// Gradient evaluations per sample of a measurement with its checks, if a prediction takes this many noisy copies.
    /// A forward pass counts as a third of one.
    pub fn passes(&self, classes: usize, looks: usize) -> f64 {
        let attacks = self.attacks().map(|a| a.passes(classes));
        let [.., pgd] = attacks;
        // Five accuracies at the size itself, at 0 and at the greatest size, each under its attack; and one gradient,
        // to check that it is not zero.
        let gradients = attacks.iter().sum::<usize>() + 2 * pgd + 1;
        gradients as f64 + (6 * looks) as f64 / 3.0
    }

    /// Steps between two measurements, for batches of this many samples; and the measurements' gradient evaluations as
    /// a share of those of training.
    pub fn interval(&self, classes: usize, looks: usize, batch: usize) -> (u64, f64) {
        let cost = self.passes(classes, looks) * self.samples as f64;
        let every =
            self.every.map_or_else(|| (cost / (self.budget * batch as f64)).ceil() as u64, |n| n as u64);
        let every = every.max(1);
        (every, cost / (every as f64 * batch as f64))
    }

    /// The sizes of the final curve, including the one of the measurements, in increasing order.
    pub fn all_sizes(&self) -> Vec<f64> {
        let mut all = self.sizes.clone();
        all.push(self.eps);
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// The same measurements at another size.
    #[must_use]
    pub fn at(&self, eps: f64) -> Self {
        Self { eps, ..self.clone() }
    }

    /// Measures on a task whose classes are the labels; `adv` is scratch memory for the perturbed inputs.
    pub fn measure(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, adv: &mut Vec<f32>) -> Accuracies {
        let clean = accuracy(victim, task.x, task.classes);
        let [noise, fgsm, pgd] = self.attacks().map(|a| accuracy_under(victim, task, &*a, adv));
        Accuracies { clean, noise, fgsm, pgd }
    }
}

/// The share of samples whose prediction is the label; NaN for no samples.
pub fn accuracy(victim: &mut Victim<'_>, x: &[f32], labels: &[u32]) -> f64 {
    let right = victim.answers(x, 0).iter().zip(labels).filter(|(a, label)| **a == Some(**label)).count();
    right as f64 / labels.len() as f64
}

/// The share of samples for which an attack fails: the prediction is still the label, or not the target.
pub fn accuracy_under(
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    attack: &dyn Attack,
    adv: &mut Vec<f32>,
) -> f64 {
    adv.clear();
    adv.resize(task.x.len(), 0.0);
    attack.perturb(victim, task, adv);
    let answers = victim.answers(adv, 0).iter().zip(task.classes);
    let left = answers.filter(|(answer, class)| (**answer == Some(**class)) != task.targeted).count();
    left as f64 / task.classes.len() as f64
}

/// The accuracy under an attack of each size: pairs (eps, accuracy) in the order given.
///
/// If the attack has no size, or cannot have one of these, the point is left out.
pub fn curve(
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    attack: &AttackConfig,
    sizes: &[f64],
) -> Vec<(f64, f64)> {
    let mut adv = Vec::new();
    let sized = sizes.iter().filter_map(|&eps| Some((eps, attack.clone().with_eps(eps)?)));
    sized.map(|(eps, attack)| (eps, accuracy_under(victim, task, &*attack, &mut adv))).collect()
}

#[cfg(test)]
mod tests;
