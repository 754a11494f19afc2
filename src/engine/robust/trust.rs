//! Checks whether a robustness number can be trusted. Most published beginners' results fail one of these checks.
//!
//! Each check is a plain function of measured numbers and explains its failure in words. After Carlini et al. 2019
//! (arXiv:1902.06705) and Athalye et al. 2018 (arXiv:1802.00420).

use super::{Accuracies, Robustness, accuracy, accuracy_under, curve};
use crate::engine::attack::{AttackConfig, AttackTask, PerturbationNorm, ValidRange, Victim, distance};

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustCheck {
    /// The property that is checked, in a few words.
    pub name: &'static str,
    /// Why the numbers cannot be trusted; `None` if the check holds.
    pub failure: Option<String>,
}

impl TrustCheck {
    fn new(name: &'static str, holds: bool, failure: impl FnOnce() -> String) -> Self {
        Self { name, failure: (!holds).then(failure) }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// An attack of size 0 must give the clean accuracy.
pub fn size_zero(clean: f64, at_zero: f64) -> TrustCheck {
    TrustCheck::new("eps 0 is clean", at_zero == clean, || {
        let (zero, clean) = (percent(at_zero), percent(clean));
        format!(
            "at eps 0 the accuracy is {zero}, clean it is {clean}: the attack changes inputs that it should leave, \
                 or clean inputs lie outside their valid range and are clamped"
        )
    })
}

/// At most this share of samples may have an input gradient of zero.
pub const ZERO_GRADIENTS: f64 = 0.05;

/// The network must have usable gradients: at most few samples have a zero gradient. `share` is in [0, 1].
pub fn live_gradients(share: f64) -> TrustCheck {
    TrustCheck::new("gradients not masked", share <= ZERO_GRADIENTS, || {
        let share = percent(share);
        format!(
            "{share} of the samples have an input gradient of exactly zero or none at all (saturated units or \
                 logits): attacks along the gradient are blind there, which is masking and not robustness"
        )
    })
}

/// PGD must be at least as strong as FGSM, and FGSM as noise of the same size, up to two samples in a hundred (at least
/// one).
pub fn order_of_strength(noise: f64, fgsm: f64, pgd: f64, samples: usize) -> TrustCheck {
    let slack = (2.0 / 100.0_f64).max(1.0 / samples as f64) + 1e-9;
    let wrong = if pgd > fgsm + slack {
        Some(("PGD", pgd, "FGSM", fgsm, "its steps are too long, too few, or the gradient misleads"))
    } else if fgsm > noise + slack {
        Some(("FGSM", fgsm, "noise", noise, "the gradient carries no information: wrong sign, or masked"))
    } else {
        None
    };
    let failure = wrong.map(|(weak, left, strong, less, why)| {
        let (left, less) = (percent(left), percent(less));
        format!("{weak} leaves {left} right, {strong} of the same size only {less}: {why}")
    });
    TrustCheck { name: "PGD ≥ FGSM ≥ noise", failure }
}

/// With growing size the accuracy must fall to chance, at the latest at the last point of a curve (eps, accuracy).
///
/// Chance is `1/classes`, plus three standard errors of a guess over this many samples.
pub fn falls_to_chance(curve: &[(f64, f64)], classes: usize, samples: usize) -> TrustCheck {
    let chance = 1.0 / classes as f64;
    let allowed = chance + 3.0 * (chance * (1.0 - chance) / samples as f64).sqrt();
    let &(eps, left) = curve.last().unwrap_or(&(0.0, 0.0));
    TrustCheck::new("falls to chance", left <= allowed, || {
        let (left, chance) = (percent(left), percent(chance));
        format!(
            "at eps {eps:.3}, which may change an input into any other, {left} are still right (chance is {chance}): \
                 the attack does not find what must be there"
        )
    })
}

/// Perturbed inputs must stay within their valid range and within the size of the attack. Both excesses are in units of
/// the inputs.
pub fn in_range(beyond_range: f64, beyond_size: f64) -> TrustCheck {
    // The largest error from rounding x0 ± eps.
    let rounding = 1e-5;
    TrustCheck::new("inputs in range", beyond_range <= 0.0 && beyond_size <= rounding, || {
        if beyond_range > 0.0 {
            format!(
                "perturbed inputs lie up to {beyond_range:.3} outside their valid range: nobody can make such inputs"
            )
        } else {
            format!("perturbations exceed eps by up to {beyond_size:.3}: the attack is larger than it says")
        }
    })
}

/// A sample's logits must not depend on its neighbours: `difference` is the result of [`batch_dependence`].
pub fn evaluation_mode(difference: f64) -> TrustCheck {
    TrustCheck::new("evaluation mode", difference <= 1e-4, || {
        format!(
            "a sample alone gets other logits than in a batch (relative difference {difference:.1e}): batch norm or \
                 dropout runs in training mode, so neighbours and luck take part in the attack"
        )
    })
}

/// The share of samples whose input gradient is zero in every feature or not finite.
pub fn zero_gradient_share(victim: &mut Victim<'_>, task: &AttackTask<'_>) -> f64 {
    let (size, rows) = (victim.size(), victim.rows());
    let parts = task.x.chunks(rows * size).zip(task.classes.chunks(rows));
    let mut blind = 0;
    for (x, classes) in parts {
        let (_, grad) = victim.loss_gradient(x, classes, 1.0);
        let useless = |g: &[f32]| g.iter().all(|&g| g == 0.0) || g.iter().any(|g| !g.is_finite());
        blind += grad.chunks_exact(size).filter(|g| useless(g)).count();
    }
    blind as f64 / task.classes.len() as f64
}

/// The greatest difference between a sample's logits alone and in a batch, relative to the greatest logit.
///
/// `logits` maps the inputs of samples to their logits; `x` holds a batch of samples of `size` numbers.
pub fn batch_dependence(mut logits: impl FnMut(&[f32]) -> Vec<f32>, x: &[f32], size: usize) -> f64 {
    let together = logits(x);
    let alone: Vec<f32> = x.chunks_exact(size).flat_map(&mut logits).collect();
    assert_eq!(together.len(), alone.len(), "as many logits alone as together");
    let greatest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0, |m: f64, v| if v.is_nan() { f64::INFINITY } else { m.max(v.abs()) })
    };
    let scale = greatest(&mut together.iter().map(|&z| f64::from(z)));
    let difference = greatest(&mut together.iter().zip(&alone).map(|(a, b)| f64::from(a - b)));
    if difference == 0.0 { 0.0 } else { difference / scale }
}

/// The largest excess of perturbed inputs over their valid range, and over the size of the attack, in units of the
/// inputs.
pub fn excess(task: &AttackTask<'_>, adv: &[f32], norm: PerturbationNorm, eps: f64) -> (f64, f64) {
    let size = task.x.len() / task.classes.len().max(1);
    let beyond_range = f64::from(task.valid.excess(adv, size));
    let samples = task.x.chunks_exact(size).zip(adv.chunks_exact(size));
    let sizes = samples.map(|(clean, adv)| match norm {
        PerturbationNorm::Linf => f64::from(distance(clean, adv).linf),
        PerturbationNorm::L2 => f64::from(distance(clean, adv).l2),
    });
    (beyond_range, sizes.map(|s| s - eps).fold(0.0, f64::max))
}

/// The size with which any input can be turned into any other: the widest range of a feature.
pub fn greatest_size(valid: ValidRange<'_>, size: usize) -> f64 {
    let widths = (0..size).map(|i| valid.of(i)).map(|(low, high)| f64::from(high) - f64::from(low));
    widths.fold(0.0, f64::max)
}

/// Measures, and runs all checks, on a batch whose classes are the labels; `adv` is scratch memory for the perturbed
/// inputs.
pub fn examine(
    settings: &Robustness,
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    adv: &mut Vec<f32>,
) -> (Accuracies, Vec<TrustCheck>) {
    let (size, samples, rows) = (victim.size(), task.classes.len(), victim.rows());
    let clean = accuracy(victim, task.x, task.classes);
    let mut beyond = (0.0, 0.0);
    let mut under = |attack: &AttackConfig| {
        let left = accuracy_under(victim, task, &**attack, adv);
        let (range, size) = excess(task, adv, PerturbationNorm::Linf, attack.eps().unwrap_or(f64::INFINITY));
        beyond = (f64::max(beyond.0, range), f64::max(beyond.1, size));
        left
    };
    let attacks = settings.attacks();
    let [noise, fgsm, pgd] = attacks.each_ref().map(&mut under);
    let [.., strongest] = attacks;
    let at_zero = strongest.clone().with_eps(0.0).map_or(clean, |a| under(&a));
    let to_chance = curve(victim, task, &strongest, &[greatest_size(task.valid, size)]);
    let part = &task.x[..samples.min(rows).min(16) * size];
    let dependence = batch_dependence(|x| victim.logits(x).to_vec(), part, size);
    let checks = vec![
        size_zero(clean, at_zero),
        live_gradients(zero_gradient_share(victim, task)),
        order_of_strength(noise, fgsm, pgd, samples),
        falls_to_chance(&to_chance, victim.classes(), samples),
        in_range(beyond.0, beyond.1),
        evaluation_mode(dependence),
    ];
    (Accuracies { clean, noise, fgsm, pgd }, checks)
}
