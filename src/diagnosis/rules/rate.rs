//! The learning rate, which is wrong if another one alone repairs the run.

use super::{
    Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, facts, number, percent, rate_times, two,
};
use crate::number::Number;
use crate::telemetry::MeasuredStep;

/// Learning rates that differ by less than this factor count as equal.
const APART: f64 = 1.5;

pub(super) fn high(f: &Facts) -> Judgement {
    if f.foreign {
        return from_log(f);
    }
    let moved = f.median(Number::UpdateRatio, 0.0).unwrap_or(0.0);
    let first = f.series(Number::UpdateRatio).take(16).map(|(_, x)| x).fold(0.0, f64::max);
    let raised = f.edits.iter().filter(|e| e.step > 0 && e.field == "optimizer.lr").map(|e| e.step).min();
    let lost = f.divergence().is_some();
    let text = if lost {
        format!("the rate {} threw it out of the range of numbers", number(f.recipe.optimizer.lr()))
    } else if moved < 0.1 && first > 0.1 {
        format!("one of the first steps moved the weights by {} of their size", percent(first))
    } else {
        format!("a step moves the weights by {} of their size", percent(moved))
    };
    Suspicion::new(text)
        .at(if lost || moved > 0.1 { Level::Warn } else { Level::Note })
        .since(raised.or(f.divergence().map(|d| d.step)).unwrap_or(0))
        .with("update over weights", moved)
        .with("largest of the first updates over weights", first)
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

/// The learning rate `rate` that a range test of `steps` steps suggests, as a cure of the rule `id`; `None` if that
/// rule would not change the learning rate in this direction.
pub fn tested(id: &str, f: &Facts, rate: f64, steps: usize) -> Option<Fix> {
    let factor = rate / f.recipe.optimizer.lr();
    let fits = match id {
        "lr-too-high" => factor < 1.0 / APART,
        "lr-too-low" => factor > APART,
        _ => false,
    };
    let text = format!("rate {}, from a range test of {steps} steps", two(rate));
    if fits { Fix::set(f, text, &[("optimizer.lr", two(rate))]) } else { None }
}

/// A lane that diverges within this many measured steps has not trained at all.
const AT_ONCE: usize = 3;

/// Whether a loss that had fallen is back at its beginning, for good.
fn fell_back(rows: &[&MeasuredStep], least: f64, end: f64) -> bool {
    let loss = |m: &MeasuredStep| m.get(Number::Loss).unwrap_or(f64::NAN);
    let first = loss(rows[0]);
    let lowest = rows.iter().position(|m| loss(m) <= least).unwrap_or(rows.len());
    let early = (lowest as f64) < 0.85 * rows.len() as f64;
    let unlearned = rows.len() >= 8 && least < 0.5 * first && end > 0.8 * first && early;
    end > 3.0 * least && (unlearned || end > 1.5 * first)
}

/// Judges a log: the loss or the gradient rises, and then the numbers stop being finite, or
/// the loss stays far above its minimum.
///
/// A loss that becomes infinite at once, after calm steps, is not caused by the learning rate:
/// a logarithm of zero looks like that.
fn from_log(f: &Facts) -> Judgement {
    let told: Vec<&MeasuredStep> =
        f.marks.iter().map(|m| &**m).filter(|m| m.get(Number::Loss).is_some()).collect();
    let loss = |m: &MeasuredStep| m.get(Number::Loss).unwrap_or(f64::NAN);
    // Some programs log a loss that is not finite as 0, but log the gradient as it is.
    let lost =
        |m: &MeasuredStep| !loss(m).is_finite() || m.get(Number::GradNorm).is_some_and(|g| !g.is_finite());
    let Some(first) = told.first() else { return Skipped("the log has no loss of training") };
    // Before the first update no rate has had an effect: a loss that is infinite there is the logarithm of 0.
    if first.step == 0 && (loss(first) == f64::INFINITY || loss(first).is_finite() && lost(first)) {
        return Clear;
    }
    let onset = f.onset(|m| m.get(Number::Loss).is_some() && lost(m));
    let before: Vec<&MeasuredStep> =
        told.iter().copied().filter(|m| onset.is_none_or(|o| m.step < o) && !lost(m)).collect();
    let Some(last) = before.last() else {
        let text = "no loss in the log is finite: the numbers ran away before its first line, for which a rate that is too \
                    high is the usual cause; data that are not finite and a logarithm of 0 are others";
        return Suspicion::new(text).at(Level::Bad).since(first.step).suspect();
    };
    let least = before.iter().map(|m| loss(m)).fold(f64::INFINITY, f64::min);
    let tail =
        facts::median(before[before.len() - before.len().div_ceil(5)..].iter().map(|m| loss(m)).collect());
    let norms: Vec<f64> = before.iter().filter_map(|m| m.get(Number::GradNorm)).collect();
    let grown =
        norms.last().zip(facts::median(norms.clone())).is_some_and(|(last, usual)| *last > 4.0 * usual);
    let checked: Vec<f64> = f
        .evaluations
        .iter()
        .filter(|m| onset.is_none_or(|step| m.step <= step))
        .filter_map(|m| m.get(Number::ValLoss))
        .filter(|x| x.is_finite())
        .collect();
    let leapt = checked.split_last().is_some_and(|(last, before)| {
        before.len() >= 3 && *last > 10.0 * before.iter().copied().fold(0.0, f64::max)
    });
    // Rows that lie further apart than a step may leave out the rise; a logarithm of 0 is infinite first.
    let bad = told.iter().copied().find(|m| lost(m));
    let newest = before.iter().rev().take(3).map(|m| loss(m)).fold(f64::INFINITY, f64::min);
    let unseen = before.len() >= 8
        && newest < 0.5 * loss(first)
        && bad.is_some_and(|m| loss(m).is_nan() && m.step > last.step + 1)
        && f.evaluations.iter().all(|m| m.get(Number::ValLoss) != Some(f64::INFINITY));
    let risen = loss(last) > 1.5 * least || leapt || unseen;
    let usual = facts::median(before.iter().map(|m| loss(m)).collect()).unwrap_or(f64::INFINITY);
    let peak = before.iter().map(|m| loss(m)).fold(0.0, f64::max);
    // A loss that starts near 0, or is negative, has no scale.
    let scaled = loss(first) > 0.01 && least > 0.0;
    let leap = scaled && peak > 100.0 * loss(first) && peak > 20.0 * usual;
    let at_once = before.len() <= AT_ONCE && loss(last) >= 0.7 * loss(first);
    let rate = |m: &MeasuredStep| m.get(Number::Lr);
    let jump =
        told.windows(2).find(|w| rate(w[0]).zip(rate(w[1])).is_some_and(|(a, b)| a > 0.0 && b > 5.0 * a));
    let jumped = jump.is_some_and(|w| w[1].step >= last.step && onset.is_some_and(|step| w[1].step <= step));
    let (level, since, text) = match (onset, tail) {
        (Some(step), _) if risen || grown || jumped || at_once => (
            Level::Bad,
            step,
            format!("the numbers ran away at step {step}, where the loss had been {}", number(loss(last))),
        ),
        (None, Some(end))
            if (scaled && fell_back(&before, least, end)) || (leap && end > 0.5 * loss(first)) =>
        {
            let lowest = before.iter().find(|m| loss(m) <= least).map_or(0, |m| m.step);
            let high =
                |m: &MeasuredStep| m.step > lowest && m.get(Number::Loss).is_some_and(|l| l > 2.0 * least);
            let high = f.onset(high).unwrap_or(first.step);
            (
                Level::Warn,
                high,
                format!("the loss went from {} to {} and stayed there", number(least), number(end)),
            )
        }
        _ => return Clear,
    };
    let mut s = Suspicion::new(text)
        .at(level)
        .since(since)
        .with("least loss", least)
        .with("last finite loss", loss(last));
    if let Some(norm) = norms.last() {
        s = s.with("last finite gradient", *norm);
    }
    if let Some(w) = jump {
        s = s
            .with("rate before", rate(w[0]).unwrap_or_default())
            .with("rate after", rate(w[1]).unwrap_or_default());
    }
    s.suspect()
}
