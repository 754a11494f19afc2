//! A cure beside the sick lane: the order that adds its lane, and the comparison of both lanes. Draws nothing.

use crate::diagnosis::{EvidenceKind, RULES};
use crate::lab::clinic::{NEAR_BEST, verdict};
use crate::limits;
use crate::number::Number;
use crate::scenario::{Carry, Recipe};
use crate::telemetry::finding::{CureOutcome, Finding, Fix};
use crate::telemetry::{Command, Phase};
use crate::ui::diagnosis::thousands;
use crate::ui::widget::scale;
use crate::view::{LaneView, RunView};

/// Letters of a lane's name that describe its cure.
const NAME: usize = 28;

/// The recipe of a lane with a cure: its present recipe with the fields that the cure changes.
fn cured(lane: &LaneView, fix: &Fix) -> Option<Recipe> {
    let mut recipe = if fix.unedited { fix.recipe.clone() } else { lane.info.recipe.clone() };
    for (field, value) in &fix.changes {
        recipe.set_at(field, value).ok()?;
    }
    Some(recipe)
}

/// The step of the sick lane at which its cure begins. A setting was wrong from the start, so its cure begins at step
/// 0, unless the user changed the setting later; the cure of a symptom begins where the symptom did.
pub fn begins(lane: &LaneView, finding: &Finding, fix: &Fix) -> u64 {
    let restarts = fix.unedited || cured(lane, fix).is_none_or(|to| lane.info.recipe.restarts(&to));
    let kind = RULES.iter().find(|r| r.id == finding.id).map(|r| r.kind);
    let symptom = matches!(kind, Some(EvidenceKind::Measured | EvidenceKind::Symptom));
    let edited = lane.info.edits.iter().any(|e| e.step > 0 && e.step <= finding.step);
    if restarts {
        return 0;
    }
    let first = lane.info.fork.as_ref().map_or(0, |f| f.at);
    if !(symptom || edited) {
        return first;
    }
    let last = match &lane.present().phase {
        Phase::Diverged(account) => account.step.saturating_sub(1),
        _ => lane.present().step,
    };
    finding.step.saturating_sub(1).min(last).max(first)
}

/// The lane that was added for a cure, if it exists.
pub fn lane_of<'a>(view: &'a RunView, sick: &LaneView, fix: &Fix) -> Option<&'a LaneView> {
    view.lanes.iter().find(|lane| {
        let fork = lane.info.fork.as_ref().filter(|f| f.parent == sick.id);
        fork.is_some_and(|f| lane.info.recipe.differences(&f.recipe) == fix.changes)
    })
}

/// The order that trains a cure in a separate lane; `taken`: names that are not free.
///
/// # Errors
/// The reason why the cure cannot be a lane.
pub fn order(
    lane: &LaneView,
    finding: &Finding,
    fix: &Fix,
    number: usize,
    taken: &mut Vec<String>,
) -> Result<Command, String> {
    if fix.of_data() {
        return Err(format!(
            "this changes the data, which all lanes share: gradtui diagnose SCENARIO --fix {number} --out NEW.ron"
        ));
    }
    let recipe = cured(lane, fix).ok_or("the lane was changed meanwhile; it is examined anew")?;
    let words = fix.text.split(':').next().unwrap_or_default().trim();
    let stem: String = words.chars().take(NAME).collect();
    let numbered = (2..limits::LANES + 3).map(|n| format!("{stem}, {n}"));
    let name = std::iter::once(stem.clone()).chain(numbered).find(|n| !taken.contains(n)).unwrap_or_default();
    taken.push(name.clone());
    let at = Some(begins(lane, finding, fix));
    Ok(Command::Fork { parent: lane.id, at, name, recipe: Box::new(recipe), carry: Carry::All })
}

/// Compares the lane of a cure with the sick lane at the newest step at which both were evaluated: the verdict, and the
/// numbers in words. `None` before both can be compared.
pub fn compared(sick: &LaneView, cure: &LaneView) -> Option<(CureOutcome, String)> {
    let ended = |l: &LaneView| !matches!(l.present().phase, Phase::Running | Phase::Paused);
    let lost = |l: &LaneView| matches!(l.present().phase, Phase::Diverged(_));
    let newest = |l: &LaneView| l.curve(Number::ValLoss)?.last().map(|b| b.at.step);
    if lost(cure) {
        let verdict = if lost(sick) { CureOutcome::Same } else { CureOutcome::Worse };
        return Some((verdict, format!("{}: it diverges as well", verdict.text())));
    }
    let until = newest(cure)?;
    let step = if lost(sick) { until } else { newest(sick)?.min(until) };
    let at = |l: &LaneView, number| {
        let curve = l.curve(number)?.whole();
        let bucket = curve[..curve.partition_point(|b| b.at.step <= step)].last()?;
        Some(f64::from(bucket.last))
    };
    let share = |l: &LaneView| at(l, Number::ValAccuracy);
    let (kind, before, after) = match (share(sick).filter(|_| !lost(sick)), share(cure)) {
        (before, Some(after)) => ("accuracy", before, after),
        _ => ("loss", at(sick, Number::ValLoss).filter(|_| !lost(sick)), at(cure, Number::ValLoss)?),
    };
    let (gain, near_best) = match (kind, before) {
        ("accuracy", before) => (before.map_or(1.0, |b| after - b), after >= NEAR_BEST),
        (_, Some(before)) => (1.0 - after / before, after < 0.1 * before),
        (_, None) => (1.0, false),
    };
    let verdict = verdict(gain, near_best);
    let before = before.map_or_else(|| "lost".into(), scale::number);
    let so_far = if ended(sick) && ended(cure) { "" } else { "so far " };
    let step = thousands(step as u64);
    let words =
        format!("{so_far}{}: val {kind} {before} to {} at step {step}", verdict.text(), scale::number(after));
    Some((verdict, words))
}
