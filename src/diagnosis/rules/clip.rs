//! A clip that shortens most steps: its threshold, and not the gradient, then sets the length of a step.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, number, percent, two};
use crate::number::Number;
use crate::telemetry::MeasuredStep;
use std::sync::Arc;

/// The median of the gradient's norm after clipping, divided by the norm before it.
fn shortened(f: &Facts) -> Option<f64> {
    let ratio = |m: &Arc<MeasuredStep>| Some(m.get(Number::GradNormClipped)? / m.get(Number::GradNorm)?);
    super::facts::median(f.marks.iter().filter_map(ratio).filter(|x| x.is_finite()).collect())
}

fn found(f: &Facts) -> Option<Suspicion> {
    if !f.recipe.clips() {
        return None;
    }
    let share = f.median(Number::ClipShare, 0.9)?;
    let shortened = shortened(f)?;
    if share < 0.5 || shortened > 0.5 {
        return None;
    }
    let mut norms: Vec<f64> = f.series(Number::GradNorm).map(|(_, x)| x).filter(|x| x.is_finite()).collect();
    norms.sort_by(f64::total_cmp);
    let usual = norms.get(norms.len() * 9 / 10).copied().unwrap_or(1.0);
    let text = format!(
        "{} of the steps are clipped, to {} of their length at the median",
        percent(share),
        percent(shortened)
    );
    Some(
        Suspicion::new(text)
            .at(if shortened < FAR { Level::Warn } else { Level::Note })
            .since(f.onset(|m| m.get(Number::ClipRate).is_some_and(|r| r > 0.0)).unwrap_or(0))
            .with("clipped", share)
            .with("shortened to", shortened)
            .with("ninth decile of the norms", usual)
            .cures(Fix::set(
                f,
                format!("clip at {}, the ninth decile of the norms", number(usual)),
                &[("clip", format!("Norm({})", two(usual)))],
            ))
            .cures(Fix::set(f, "clip at 1", &[("clip", "Norm(1)".into())]))
            .cures(Fix::set(f, "without the clip", &[("clip", "Off()".into())])),
    )
}

pub(super) fn judge(f: &Facts) -> Judgement {
    found(f).map_or(Clear, Suspicion::suspect)
}

/// The same evidence as a symptom; it offers no cures, because `clip-too-small` offers those of the threshold.
pub(super) fn dominates(f: &Facts) -> Judgement {
    if f.foreign {
        return from_log(f);
    }
    found(f).map_or(Clear, |s| Suspicion { fixes: Vec::new(), ..s }.suspect())
}

/// A clip that leaves less of the gradient than this at the median determines the length of every step.
const FAR: f64 = 0.1;
/// A loss that falls below this share of its first value is not held up by a clip.
const HARMED: f64 = 0.6;
/// From this many marks on, a gradient norm that never changes is no accident.
const SEVERAL: usize = 8;

/// Judges a log: the gradient norm is the same at every step, clipping leaves little of it, or nearly every step is
/// clipped while the loss hardly falls.
fn from_log(f: &Facts) -> Judgement {
    let finite = |n| f.series(n).map(|(_, x)| x).filter(|x| x.is_finite()).collect::<Vec<f64>>();
    let (mut norms, losses) = (finite(Number::GradNorm), finite(Number::Loss));
    if norms.len() < SEVERAL && f.median(Number::ClipRate, 0.0).is_none() {
        return Skipped("the log tells neither of clipping nor of the gradient's norm");
    }
    let tail = &losses[losses.len() - losses.len().div_ceil(5)..];
    let kept = super::facts::median(tail.to_vec()).zip(losses.first()).map(|(end, first)| end / first);
    // A clip that does not keep the loss from falling does no harm.
    if kept.is_some_and(|kept| kept < HARMED) {
        return Clear;
    }
    norms.sort_by(f64::total_cmp);
    let at = |share: usize| norms.get(norms.len() * share / 10).copied().unwrap_or(f64::NAN);
    let (low, middle, high) = (at(1), at(5), at(9));
    if norms.len() >= SEVERAL && middle > 0.0 && high - low < 0.01 * middle {
        return Suspicion::new(format!("the gradient has the norm {} at every step", number(middle)))
            .at(Level::Warn)
            .since(f.marks.first().map_or(0, |m| m.step))
            .with("first decile of the norms", low)
            .with("ninth decile of the norms", high)
            .suspect();
    }
    if let Some(shortened) = shortened(f).filter(|x| *x < FAR) {
        return Suspicion::new(format!(
            "clipping leaves {} of the gradient at the median",
            percent(shortened)
        ))
        .at(Level::Warn)
        .since(f.marks.first().map_or(0, |m| m.step))
        .with("shortened to", shortened)
        .suspect();
    }
    let clipped = f.median(Number::ClipRate, 0.0).unwrap_or(0.0);
    let kept = kept.unwrap_or(0.0);
    if clipped < 0.9 || kept < 0.8 {
        return Clear;
    }
    Suspicion::new(format!(
        "{} of the steps are clipped, and the loss keeps {} of its size",
        percent(clipped),
        percent(kept)
    ))
    .at(Level::Warn)
    .since(f.onset(|m| m.get(Number::ClipRate).is_some_and(|r| r > 0.0)).unwrap_or(0))
    .with("clipped", clipped)
    .with("loss at the end over that at the start", kept)
    .suspect()
}
