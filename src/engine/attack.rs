//! Adversarial attacks: the table, and the trait of its rows. An attack sees a victim, inputs and classes, but no data
//! set.
//!
//! Untargeted attacks increase the loss of the label, targeted ones decrease that of the target. Every iterate is
//! clamped to the valid range of the inputs. A row that is attacked in a batch gets the same numbers as if it were
//! alone: random draws belong to the sample, and losses are summed, not averaged.

use crate::registry::registry;

pub mod bim;
pub mod carlini_wagner;
pub mod deepfool;
pub mod fgsm;
mod linf;
pub mod mi_fgsm;
pub mod noise;
pub mod pgd;
pub mod pgd_l2;
pub mod task;
pub mod verdict;
pub mod victim;

pub use task::{
    AttackTask, Distance, RandomKey, ValidRange, distance, feature_range, fooled, margin, predicted, sign,
};
pub use victim::{AttackScratch, Victim};

/// How the size of a perturbation is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerturbationNorm {
    /// The largest change of any feature.
    Linf,
    /// The Euclidean length of the change.
    L2,
}

impl std::fmt::Display for PerturbationNorm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Linf => "L-inf",
            Self::L2 => "L2",
        })
    }
}

/// A way to change inputs so that a classifier errs.
///
/// # Example
/// FGSM against a linear classifier with the logits (x, -x):
/// ```
/// use gradtui::engine::{
///     attack::{Attack, AttackConfig, AttackScratch, AttackTask, RandomKey, ValidRange, Victim}, layer::LayerConfig, network::Network, shape::Shape,
/// };
/// use gradtui::registry::SettingValue;
///
/// let layers = Vec::<LayerConfig>::parse("[Dense(2, bias: false)]").unwrap();
/// let network = Network::new(Shape::Flat(1), &layers).unwrap();
/// let mut scratch = AttackScratch::new(&network, 1);
/// let mut victim = Victim::new(&network, &[1.0, -1.0], &[], &mut scratch).unwrap();
///
/// let attack = AttackConfig::parse("Fgsm(0.25)").unwrap();
/// let task = AttackTask {
///     x: &[0.125],
///     classes: &[0],
///     targeted: false,
///     valid: ValidRange::All(-1.0, 1.0),
///     key: RandomKey::default(),
/// };
/// let mut perturbed = [0.0];
/// attack.perturb(&mut victim, &task, &mut perturbed);
/// assert_eq!(perturbed, [-0.125]); // beyond 0, so the second class wins
/// ```
pub trait Attack: Send + Sync {
    /// The norm that the attack bounds or minimises.
    fn norm(&self) -> PerturbationNorm;

    /// The size that no perturbation exceeds; `None` without such a bound.
    fn eps(&self) -> Option<f64>;

    /// Most forward and backward passes for one sample, for a network with this many classes.
    fn passes(&self, classes: usize) -> usize;

    /// Writes the perturbed inputs of up to `victim.rows()` samples.
    fn perturb_batch(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]);

    /// Writes the perturbed inputs of any number of samples to `out`, in batches as large as the victim allows.
    ///
    /// # Panics
    /// When the lengths of inputs, classes and `out` do not agree.
    fn perturb(&self, victim: &mut Victim<'_>, task: &AttackTask<'_>, out: &mut [f32]) {
        let (rows, size) = (task.classes.len(), victim.size());
        assert_eq!(task.x.len(), rows * size, "inputs of {rows} samples of {size} numbers");
        assert_eq!(out.len(), task.x.len(), "as many outputs as inputs");
        for first in (0..rows).step_by(victim.rows()) {
            let part = first..rows.min(first + victim.rows());
            let numbers = part.start * size..part.end * size;
            self.perturb_batch(victim, &task.part(part, size), &mut out[numbers]);
        }
    }
}

registry! {
    /// Every attack that a scenario can name.
    pub enum AttackConfig: dyn Attack {
        Fgsm(fgsm::Fgsm),
        Bim(bim::Bim),
        Pgd(pgd::Pgd),
        PgdL2(pgd_l2::PgdL2),
        MiFgsm(mi_fgsm::MiFgsm),
        DeepFool(deepfool::DeepFool),
        CarliniWagner(carlini_wagner::CarliniWagner),
        UniformNoise(noise::UniformNoise),
        GaussianNoise(noise::GaussianNoise),
    }
}

impl AttackConfig {
    /// The attack of this name with this size and otherwise default settings; `None` if there is no such attack or this
    /// size is not allowed.
    pub fn named(name: &str, eps: f64) -> Option<Self> {
        Self::all().into_iter().find(|a| a.name() == name)?.with_eps(eps)
    }

    /// The same attack with another size (`eps`, or `std` for Gaussian noise). An attack that searches for the smallest
    /// perturbation is unchanged. `None` if this size is not allowed.
    #[must_use]
    pub fn with_eps(mut self, eps: f64) -> Option<Self> {
        let field = self.settings().fields().into_iter().map(|f| f.name).find(|n| ["eps", "std"].contains(n));
        if let Some(field) = field {
            self.settings_mut().set(field, &format!("{eps:e}")).ok()?;
        }
        Some(self)
    }
}

#[cfg(test)]
pub(crate) mod tests;
