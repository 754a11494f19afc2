//! Class imbalance: the network predicts the frequent class for nearly every sample.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, percent, rate_times};
use crate::number::Number;

pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(majority) = f.data.as_ref().and_then(|d| d.majority) else {
        return Skipped("there are no classes");
    };
    let even = 1.0 / f.outputs.max(2) as f64;
    if majority < (1.6 * even).min(0.98) || majority < 0.7 {
        return Clear;
    }
    let Some(recall) = f.evaluations.last().and_then(|e| e.get(Number::ValRecall)) else {
        return Skipped("hits were not counted class by class");
    };
    if recall > 0.5 {
        return Clear;
    }
    Suspicion::new(format!(
        "{} of the samples are of one class, and {} of the rarest one are found",
        percent(majority),
        percent(recall)
    ))
    .at(Level::Warn)
    .with("share of the frequent class", majority)
    .with("recall of the class with the least", recall)
    .cures(rate_times(f, 10.0, ""))
    .cures(Fix::set(
        f,
        "classes weighted by their rarity",
        &[("loss", "CrossEntropy(class_weights: Balanced)".into())],
    ))
    .cures(Fix::set(
        f,
        "Adam, whose step does not shrink with the rare gradient",
        &[("optimizer", "Adam(0.01)".into())],
    ))
    .suspect()
}
