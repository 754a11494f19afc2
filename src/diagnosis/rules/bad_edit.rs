//! A change by hand after which the lane became worse.

use super::facts::median;
use super::{Clear, Facts, Fix, Judgement, Level, Suspicion};
use crate::number::Number;

/// Number of batches whose median loss is compared.
const BATCHES: usize = 9;

/// Suspects the first edit after step 0; the level depends on the results before the edit and at the end.
pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(edit) = f.edits.iter().filter(|e| e.step > 0).min_by_key(|e| e.step) else { return Clear };
    let lost = f.divergence().is_some();
    // The lane was lost already when the change was made.
    if f.divergence().is_some_and(|d| d.step < edit.acts_at()) {
        return Clear;
    }
    Suspicion::new(format!("{edit} at step {}", edit.step))
        .at(if lost {
            Level::Bad
        } else if worse(f, edit.step) {
            Level::Warn
        } else {
            Level::Note
        })
        .since(edit.step)
        .with("step of the edit", edit.step as f64)
        .cures(Fix::without_edits(f, format!("without the edit of step {}", edit.step)))
        .suspect()
}

/// Whether the lane was clearly better before a step than at the end: by its validation results or, without one before
/// the step, by the losses of its batches.
fn worse(f: &Facts, step: u64) -> bool {
    let (Some(before), Some(now)) = (f.evaluations.iter().rfind(|e| e.step <= step), f.evaluations.last())
    else {
        return grown(f, step);
    };
    let of = |n: Number| before.get(n).zip(now.get(n));
    match of(Number::ValAccuracy) {
        Some((before, now)) => now < before - 0.15,
        None => of(Number::ValLoss).is_some_and(|(before, now)| now > 2.0 * before),
    }
}

/// Whether the loss of the newest batches is more than twice that of the last ones before a step.
fn grown(f: &Facts, step: u64) -> bool {
    let (before, since): (Vec<_>, Vec<_>) = f.series(Number::Loss).partition(|(at, _)| *at <= step);
    let of = |part: &[(u64, f64)]| median(part.iter().rev().take(BATCHES).map(|(_, loss)| *loss).collect());
    of(&before).zip(of(&since)).is_some_and(|(before, now)| before > 0.0 && now > 2.0 * before)
}
