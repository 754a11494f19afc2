//! Overfitting: the training loss is low while the validation loss rises from its minimum.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, number};
use crate::number::Number;

pub(super) fn judge(f: &Facts) -> Judgement {
    let losses: Vec<(u64, f64)> = f
        .evaluations
        .iter()
        .filter_map(|e| Some((e.step, e.get(Number::ValLoss)?)))
        .filter(|e| e.1.is_finite())
        .collect();
    let Some(train) = f.train else { return Skipped("its training samples were not evaluated") };
    let Some(&(step, least)) = losses.iter().min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return Skipped("it was not evaluated");
    };
    let tail = &losses[losses.len() - (losses.len() / 5).clamp(1, 4)..];
    let end = tail.iter().map(|l| l.1).sum::<f64>() / tail.len() as f64;
    // The loss at chance is unknown for a log, so its first validation loss replaces it.
    let chance = f.data.as_ref().map_or(losses[0].1, |d| d.chance.loss).max(1e-12);
    // The least loss may lie before the first evaluation.
    let above = f.data.as_ref().and_then(|d| d.chance.accuracy).zip(f.score().and_then(|s| s.accuracy));
    let unseen =
        train.loss < 0.1 * chance && end > 1.3 * chance && above.is_some_and(|(p, hits)| hits > p + 0.1);
    let turned = (end > 1.25 * least && end - least > 0.12 * chance) || (unseen && !f.foreign);
    if f.divergence().is_some()
        || !turned
        || train.loss > (0.7 * end).min(1.05 * least)
        || (step >= f.total && !f.foreign)
    {
        return Clear;
    }
    // If the accuracy stays high, a rising loss does little harm: the network only becomes more certain.
    let fine = f.score().and_then(|s| s.accuracy).is_some_and(|a| a >= 0.93)
        && f.data.as_ref().and_then(|d| d.majority).is_none_or(|m| m < 0.75);
    // A training loss that is still high leaves room for other faults.
    let fits = f.foreign
        || train.accuracy.is_some_and(|hits| hits >= 0.9)
        || train.loss < 0.5 * f.data.as_ref().map_or(0.0, |d| d.chance.loss);
    let patience = (losses.len() / 4).clamp(2, 20);
    Suspicion::new(format!(
        "validation was best at step {step} ({}) and is {} now; training is at {}",
        number(least),
        number(end),
        number(train.loss)
    ))
    // In a log, a validation loss that stays below its first value has still gained from training.
    .at(if fine || !fits || (f.foreign && end < 0.9 * losses[0].1) { Level::Note } else { Level::Warn })
    .since(step)
    .with("least validation loss", least)
    .with("validation loss", end)
    .with("training loss", train.loss)
    .cures(Fix::set(
        f,
        "stop where validation is best, and take those weights",
        &[("early_stopping.patience", patience.to_string()), ("early_stopping.restore_best", "true".into())],
    ))
    .cures(Fix::set(f, "a penalty on the weights", &[("regularisation.l2", "0.01".into())]))
    .cures(Fix::set(f, "a strong penalty on the weights", &[("regularisation.l2", "0.1".into())]))
    .suspect()
}
