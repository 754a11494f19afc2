//! A gradient that is orders of magnitude too large, because depth or large targets multiply it.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, facts, number, percent, two};
use crate::engine::layer::norm::group::LayerNorm;
use crate::number::Number;
use crate::scenario::Scaling;
use crate::telemetry::MeasuredStep;
use std::sync::Arc;

/// In a log, the gradient explodes if the first layer's norm is at least this many times the last
/// layer's, at the median of the early steps.
const GROWN: f64 = 10.0;

/// The same limit for a single one of the first steps.
const AT_ONCE: f64 = 1e3;

/// A usual length of a step, as a fraction of the weights' norm.
const STEP: f64 = 0.01;

/// Judges a log, in which the kinds of layers and the targets are unknown.
fn grown(f: &Facts) -> Judgement {
    // Rows with a loss that has run away are left out, because there the learning rate made the gradient large.
    let loss = |m: &MeasuredStep| m.get(Number::Loss).filter(|x| x.is_finite());
    let start = f.marks.iter().find_map(|m| loss(m));
    let calm = |m: &&Arc<MeasuredStep>| start.is_none_or(|start| loss(m).is_none_or(|x| x <= 100.0 * start));
    let first: Vec<(f64, Option<f64>)> = f
        .marks
        .iter()
        .filter(calm)
        .filter_map(|m| Some((Facts::ratio(m)?, m.get(Number::GradNorm))))
        .take(12)
        .collect();
    let early: Vec<f64> = first.iter().map(|(ratio, _)| *ratio).collect();
    // The first steps can move the weights so far that later gradients vanish, so these steps also count alone, and so
    // does one whose gradient is far above the usual one.
    let whole = f.median(Number::GradNorm, 0.0).unwrap_or(f64::INFINITY);
    let burst =
        first.iter().filter(|(ratio, norm)| *ratio >= GROWN && norm.is_some_and(|n| n >= 100.0 * whole));
    let burst = burst.map(|(ratio, _)| *ratio).fold(0.0, f64::max);
    let most = early.iter().take(3).copied().fold(0.0, f64::max);
    let Some(usual) = facts::median(early) else {
        return Skipped("the log has no gradient norms of layers");
    };
    if usual < GROWN && most < AT_ONCE && burst == 0.0 {
        return Clear;
    }
    let most = most.max(burst);
    let ratio = usual.max(most);
    let first = f.layers.iter().position(|l| l.params > 0).unwrap_or(0);
    Suspicion::new(format!("{} gets {} times the last layer's gradient", f.layer(first), number(ratio)))
        .at(Level::Warn)
        .since(f.marks.iter().find(|m| Facts::ratio(m).is_some_and(|r| r >= GROWN)).map_or(0, |m| m.step))
        .of_layer(Some(f.layer(first)))
        .with("first over last gradient", ratio)
        .suspect()
}

/// A clip threshold at which a step like the first one moves the weights by a hundredth of their norm.
pub(super) fn clip(f: &Facts) -> Option<Fix> {
    let first = f.marks.first()?;
    let (norm, moved) = (first.get(Number::GradNorm)?, first.get(Number::UpdateRatio)?);
    let threshold = norm * STEP / moved;
    if f.free_of_scale() || !threshold.is_normal() || threshold >= norm {
        return None;
    }
    let text =
        format!("clip at {}, so that a step moves the weights by {} at most", two(threshold), percent(STEP));
    Fix::set(f, text, &[("clip", format!("Norm({})", two(threshold)))])
}

pub(super) fn judge(f: &Facts) -> Judgement {
    if f.foreign {
        return grown(f);
    }
    let norms: Vec<(u64, f64)> = f.series(Number::GradNorm).collect();
    let first = norms.first().map_or(0.0, |n| n.1);
    let finite = || norms.iter().map(|n| n.1).filter(|x| x.is_finite());
    let most = finite().fold(0.0, f64::max);
    let usual = facts::median(finite().collect()).unwrap_or(0.0);
    let targets = f.data.as_ref().and_then(|d| d.targets).unwrap_or(1.0).max(1.0);
    // The gradient of an error grows with the error, and so with the size of the targets.
    let large = |x: f64| !x.is_finite() || x > 100.0 * targets.min(3.0);
    // A learning rate that is too high makes gradients grow as well; only the first gradient shows
    // the effect of depth and targets alone.
    // Targets of this size multiply the gradient, so what grows from it counts as well.
    let multiplied = f.target_scaling == Scaling::None && targets > 10.0;
    let grew = f.divergence().is_some() || most > 100.0 * first;
    let start = large(first) || f.divergence().is_some_and(|d| d.step <= 3) || multiplied && grew;
    if !start {
        return Clear;
    }
    let since = norms.iter().find(|n| large(n.1)).map_or(0, |n| n.0);
    let text = if first.is_finite() {
        format!("the gradient had the norm {} at its first step, {} at most", number(first), number(most))
    } else {
        "its first gradient was no finite number already".into()
    };
    Suspicion::new(text)
        .at(if f.divergence().is_some() { Level::Bad } else { Level::Note })
        .since(since)
        .with("first gradient", first)
        .with("largest gradient", most)
        .with("usual gradient", usual)
        .cures(clip(f))
        .cures(Fix::set(f, "clip at 1", &[("clip", "Norm(1)".into())]))
        .cures(Fix::of(f, "layer norm after every Dense layer", |r| {
            r.network = super::vanishing::normalised(&r.network, &LayerNorm::default().into());
        }))
        .suspect()
}
