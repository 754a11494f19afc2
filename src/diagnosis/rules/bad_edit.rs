//! A change by hand after which the lane went wrong.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion};

/// An edit after step 0, and how the loss was before and after it.
pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(edit) = f.edits.iter().filter(|e| e.step > 0).min_by_key(|e| e.step) else { return Clear };
    let lost = f.divergence().is_some_and(|d| d.step > edit.step);
    Suspicion::new(format!("{edit} at step {}", edit.step))
        .at(if lost { Level::Bad } else { Level::Note })
        .since(edit.step)
        .with("step of the edit", edit.step as f64)
        .cures(Fix::without_edits(f, format!("without the edit of step {}", edit.step)))
        .suspect()
}
