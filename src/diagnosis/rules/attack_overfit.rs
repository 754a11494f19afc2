//! A lane trained against FGSM that resists FGSM but not PGD: its gradient misleads an attack of one
//! step, but not one of several steps.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, percent};
use crate::engine::attack::AttackConfig;
use crate::engine::defence::DefenceConfig;

/// The `eps` of an attack, if it has one.
pub fn size(attack: &AttackConfig) -> Option<f64> {
    attack.settings().fields().iter().find(|f| f.name == "eps")?.value.parse().ok()
}

pub(super) fn judge(f: &Facts) -> Judgement {
    if !f.recipe.defence.name().contains("Adversarial") {
        return Clear;
    }
    let Some(a) = f.attacked else { return Skipped("it was not attacked; `robustness` measures that") };
    if a.fgsm - a.pgd < 0.2 || a.pgd > 0.6 * a.fgsm {
        return Clear;
    }
    let eps = match &f.recipe.defence {
        DefenceConfig::AdversarialTraining(d) => size(&d.attack).unwrap_or(a.eps),
        _ => a.eps,
    };
    let pgd = format!("AdversarialTraining(Pgd({eps}, steps: 7))");
    let random = format!("AdversarialTraining(Fgsm({eps}, random_start: true))");
    Suspicion::new(format!(
        "{} withstand FGSM of {}, {} PGD of that size",
        percent(a.fgsm),
        a.eps,
        percent(a.pgd)
    ))
    .at(Level::Bad)
    .since(a.since)
    .with("right under FGSM", a.fgsm)
    .with("right under PGD", a.pgd)
    .with("right without attack", a.clean)
    .cures(Fix::set(f, "train against PGD of seven steps", &[("defence", pgd)]))
    .cures(Fix::set(f, "FGSM from a random start", &[("defence", random)]))
    .suspect()
}
