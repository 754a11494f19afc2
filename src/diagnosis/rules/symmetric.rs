//! Units of a layer that start with equal weights: they get equal gradients and stay equal.

use super::{Clear, Facts, Judgement, Level, Skipped, Suspicion, init_fixes};
use crate::number::LayerNumber;

pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(first) = f.marks.first() else { return Skipped("no step was measured") };
    if first.step > 2 {
        return Skipped("its first step was not measured");
    }
    let hidden = f.layers.iter().rposition(|l| l.params > 0);
    // If the first step moved the weights very far, they no longer show how they started.
    let thrown = |layer: usize, norm: Option<f32>| {
        let keeps = f.layers.get(layer).and_then(|info| info.keeps);
        keeps.zip(norm).is_some_and(|((_, most), norm)| norm > 1e3 * most)
    };
    let alike = first
        .layers
        .iter()
        .filter(|l| Some(l.layer) != hidden && !thrown(l.layer, l.get(LayerNumber::WeightNorm)))
        .find(|l| l.get(LayerNumber::Symmetry).is_some_and(|d| d < 1e-5));
    let Some(layer) = alike else { return Clear };
    Suspicion::new(format!("two units of {} begin with the same weights", f.layer(layer.layer)))
        .at(Level::Warn)
        .of_layer(Some(f.layer(layer.layer)))
        .with("distance of two units", layer.get(LayerNumber::Symmetry).unwrap_or_default().into())
        .cures(init_fixes(f, "every unit begins otherwise"))
        .suspect()
}
