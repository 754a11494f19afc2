//! Saturated units: sigmoids, tanhs and similar activations that are flat for nearly every sample.

use super::{Clear, Facts, Judgement, Level, Skipped, Suspicion, facts, init_fixes, percent};
use crate::number::LayerNumber;

/// A layer is saturated if at least this fraction of its outputs is at the limits.
const FLAT: f64 = 0.7;

fn squashes(label: &str) -> bool {
    let name = label.split(' ').next().unwrap_or_default();
    matches!(name, "Sigmoid" | "Tanh" | "Hardtanh" | "HardSigmoid" | "Softsign" | "LogSigmoid")
}

pub(super) fn judge(f: &Facts) -> Judgement {
    let layers: Vec<usize> = (0..f.layers.len()).filter(|&i| squashes(&f.layers[i].label)).collect();
    if layers.is_empty() {
        return Clear;
    }
    if f.marks.is_empty() {
        return Skipped("no step was measured");
    }
    let flat = |m: &super::super::MeasuredStep, i: usize| {
        let l = m.layers.iter().find(|l| l.layer == i)?;
        l.get(LayerNumber::Saturated).map(f64::from)
    };
    let median = |i: usize| facts::median(f.marks.iter().filter_map(|m| flat(m, i)).collect());
    let worst = layers.iter().filter_map(|&i| Some((i, median(i)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((layer, share)) = worst.filter(|w| w.1 >= FLAT) else { return Clear };
    Suspicion::new(format!("{} of the outputs of {} are at their limits", percent(share), f.layer(layer)))
        .at(Level::Note)
        .since(f.onset(|m| flat(m, layer).is_some_and(|s| s >= FLAT)).unwrap_or(0))
        .of_layer(Some(f.layer(layer)))
        .with("saturated", share)
        .cures(init_fixes(f, "units begin where they are steep"))
        .suspect()
}
