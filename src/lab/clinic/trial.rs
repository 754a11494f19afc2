//! The outcome of a cure: the lane with one change, compared with the lane without it.

use crate::diagnosis::{Facts, Fix, LaneScore, rules};
use crate::telemetry::finding::CureOutcome;

/// A gain of at least this much is not due to chance in the split of the data.
pub const ENOUGH: f64 = 0.08;

/// From this accuracy on, little is left to gain.
pub const NEAR_BEST: f64 = 0.93;

/// The verdict on a gain; `near_best`: whether little is left to gain with the cure.
pub fn verdict(gain: f64, near_best: bool) -> CureOutcome {
    match gain {
        g if g >= ENOUGH && near_best => CureOutcome::Repaired,
        g if g >= ENOUGH => CureOutcome::Better,
        g if g <= -ENOUGH => CureOutcome::Worse,
        _ => CureOutcome::Same,
    }
}

/// A cure that was tried.
#[derive(Clone, Debug)]
pub struct CureTrial {
    /// The cure.
    pub fix: Fix,
    /// The run with it.
    pub facts: Facts,
    /// Its gain, computed by `gain`.
    pub gain: f64,
    /// The verdict on the gain.
    pub verdict: CureOutcome,
    /// Whether another seed confirms the gain; `None` if no other seed was tried.
    pub lasts: Option<bool>,
}

impl CureTrial {
    /// Compares the run with a cure to the run without.
    pub fn of(sick: &Facts, fix: Fix, facts: Facts) -> Self {
        let gain = gain(sick, &facts);
        let mut out = Self { fix, facts, gain, verdict: CureOutcome::Same, lasts: None };
        out.verdict = verdict(gain, out.near_best());
        out
    }

    /// The numbers of both runs: `val accuracy 0.102 to 0.964`.
    pub fn words(&self, sick: &Facts) -> String {
        let (Some(a), Some(b)) = (sick.score(), self.facts.score()) else { return "not evaluated".into() };
        if let (Some(a), Some(b)) = (sick.attacked, self.facts.attacked) {
            return format!("PGD accuracy {:.3} to {:.3}", a.pgd, b.pgd);
        }
        match (a.accuracy, b.accuracy) {
            (Some(x), Some(y)) => {
                let (from, to) = (rules::number(a.loss), rules::number(b.loss));
                format!("val accuracy {x:.3} to {y:.3}, val loss {from} to {to}")
            }
            _ => format!("val loss {} to {}", rules::number(a.loss), rules::number(b.loss)),
        }
    }

    /// Whether little is left to gain.
    pub fn near_best(&self) -> bool {
        let Some(score) = self.facts.score() else { return false };
        match (score.accuracy, &self.facts.data) {
            (Some(a), _) => a >= NEAR_BEST,
            (None, Some(d)) => score.loss < 0.1 * d.chance.loss,
            _ => false,
        }
    }
}

/// The loss of a run divided by its loss at chance, which makes runs with differently scaled targets comparable.
fn relative(facts: &Facts) -> Option<f64> {
    let (score, data) = (facts.score()?, facts.data.as_ref()?);
    Some(score.loss / data.chance.loss.max(1e-30))
}

/// The gain of a cure: the difference in accuracy if there are classes, otherwise the decrease of the loss as a
/// fraction of the loss of a constant. For a lane with adversarial training it is
/// the difference in accuracy under PGD.
///
/// A loss that is at least halved gains at least `ENOUGH` if it falls by more than 0.02 of the loss of a constant.
pub fn gain(sick: &Facts, cured: &Facts) -> f64 {
    let (Some(before), Some(after)) = (sick.score(), cured.score()) else { return 0.0 };
    let attacked = sick.attacked.zip(cured.attacked);
    if let Some((before, after)) = attacked
        && sick.recipe.defence.name().contains("Adversarial")
    {
        return after.pgd - before.pgd;
    }
    if cured.divergence().is_some() {
        return -1.0;
    }
    let hits = before.accuracy.zip(after.accuracy).map(|(b, a)| a - b);
    let losses = relative(sick).zip(relative(cured));
    let imbalanced = sick.data.as_ref().and_then(|d| d.majority).is_some_and(|m| m > 0.75);
    match (hits, losses) {
        (Some(hits), Some((b, a))) if imbalanced => hits.max(less(b, a)),
        (Some(hits), _) => hits,
        (None, Some((b, a))) => less(b, a),
        _ => 0.0,
    }
}

/// The gain of a loss that changes; both values are fractions of the loss of a constant.
fn less(before: f64, after: f64) -> f64 {
    let (before, after) = (before.min(1.0), after.min(1.0));
    if !(before.is_finite() && after.is_finite()) {
        return 0.0;
    }
    let won = before - after;
    if after <= 0.5 * before && won > 0.02 {
        won.max(ENOUGH)
    } else if after > 0.6 * before {
        won.min(0.5 * ENOUGH)
    } else {
        won
    }
}

/// Whether a cure can gain anything.
pub fn hopeful(facts: &Facts) -> bool {
    let Some(LaneScore { loss, accuracy }) = facts.score() else { return true };
    let Some(data) = &facts.data else { return true };
    let imbalanced = data.majority.is_some_and(|m| m > 0.75);
    if facts.attacked.is_some() && facts.recipe.defence.name().contains("Adversarial") {
        return false;
    }
    match accuracy {
        Some(a) if !imbalanced => a < 1.0 - ENOUGH,
        _ => loss > 0.04 * data.chance.loss,
    }
}
