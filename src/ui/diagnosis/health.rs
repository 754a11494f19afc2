//! Findings from the probe `health` of a lane: units that are silent for every sample, and a network that gives the
//! same prediction for every sample. Draws nothing.

use crate::telemetry::{Data, Phase};
use crate::view::LaneView;

fn part<'a>(lane: &'a LaneView, name: &str) -> Option<&'a Data> {
    lane.probes.get("health")?.part(name)
}

/// The layer with the greatest share of dead units, by its index, and that share.
pub fn deadest(lane: &LaneView) -> Option<(usize, f32)> {
    let Data::Table { rows, .. } = part(lane, "dead")? else { return None };
    let known = rows.iter().filter_map(|(layer, v)| Some((layer.parse().ok()?, *v.first()?)));
    known.max_by(|a: &(usize, f32), b| a.1.total_cmp(&b.1))
}

/// The share of dead units of a layer.
pub fn dead(lane: &LaneView, layer: usize) -> Option<f32> {
    let Data::Table { rows, .. } = part(lane, "dead")? else { return None };
    rows.iter().find(|(name, _)| name.parse() == Ok(layer))?.1.first().copied()
}

/// The one class that the lane predicts for every validation sample, if it does: its name, if known.
pub fn constant(lane: &LaneView) -> Option<String> {
    let Data::Scalar(class) = part(lane, "constant")? else { return None };
    // A newer prediction may differ.
    for (probe, answer) in [("prediction", "predicted"), ("adversarial", "before")] {
        let newer = lane.probes.get(probe).and_then(|p| p.part(answer));
        if matches!(newer, Some(Data::Scalar(other)) if other != class) {
            return None;
        }
    }
    let names = lane.probes.get("prediction").and_then(|p| p.part("probabilities"));
    let name = match names {
        Some(Data::Table { rows, .. }) => rows.get(*class as usize).map(|r| r.0.clone()),
        _ => None,
    };
    Some(name.unwrap_or_else(|| class.to_string()))
}

/// The words in place of "right" and "holds" for a lane whose predictions mean nothing: it has no finite numbers, or
/// always predicts the same.
pub fn no_answer(lane: &LaneView) -> Option<String> {
    match &lane.phase {
        Phase::Diverged(_) | Phase::Failed(_) => super::no_numbers(lane),
        _ => constant(lane).map(|class| format!("{class} for every sample")),
    }
}
