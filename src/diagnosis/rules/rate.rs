//! The learning rate, where another one alone repairs the run.

use super::{Clear, Facts, Judgement, Level, Suspicion, number, percent, rate_times};
use crate::number::Number;

pub(super) fn high(f: &Facts) -> Judgement {
    let moved = f.median(Number::UpdateRatio, 0.0).unwrap_or(0.0);
    let raised = f.edits.iter().filter(|e| e.step > 0 && e.field == "optimizer.lr").map(|e| e.step).min();
    let lost = f.divergence().is_some();
    let text = if lost {
        format!("the rate {} threw it out of the range of numbers", number(f.recipe.optimizer.lr()))
    } else {
        format!("a step moves the weights by {} of their size", percent(moved))
    };
    Suspicion::new(text)
        .at(if lost || moved > 0.1 { Level::Warn } else { Level::Note })
        .since(raised.or(f.divergence().map(|d| d.step)).unwrap_or(0))
        .with("update over weights", moved)
        .with("rate", f.recipe.optimizer.lr())
        .cures([0.1, 0.3, 0.03, 0.01].into_iter().filter_map(|x| rate_times(f, x, "")))
        .suspect()
}

pub(super) fn low(f: &Facts) -> Judgement {
    if f.divergence().is_some() {
        return Clear;
    }
    let moved = f.median(Number::UpdateRatio, 0.0).unwrap_or(0.0);
    Suspicion::new(format!("a step moves the weights by {} of their size", number(moved)))
        .with("update over weights", moved)
        .with("rate", f.recipe.optimizer.lr())
        .cures([10.0, 3.0, 100.0, 30.0].into_iter().filter_map(|x| rate_times(f, x, "")))
        .suspect()
}
