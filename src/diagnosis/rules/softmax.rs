//! A softmax before a loss that applies softmax itself: the values that reach the loss then differ by at most 1.

use super::{Clear, Facts, Fix, Judgement, Suspicion, facts};
use crate::engine::layer::LayerConfig;

pub(super) fn judge(f: &Facts) -> Judgement {
    let softmax = |l: &LayerConfig| matches!(l, LayerConfig::Softmax(_));
    if !f.recipe.network.iter().any(softmax) || !f.recipe.loss.classifies() {
        return Clear;
    }
    let layer = f.layers.iter().rposition(|l| l.label.starts_with("Softmax"));
    let text =
        format!("a Softmax layer stands before {}, which applies softmax itself", f.recipe.loss.name());
    Suspicion::new(text)
        .at(super::Level::Warn)
        .of_layer(layer.map(|i| f.layer(i)))
        .cures(Fix::of(f, "network without Softmax", |r| {
            r.network = facts::mapped(&r.network, &mut |l| (!softmax(l)).then(|| l.clone()));
        }))
        .suspect()
}
