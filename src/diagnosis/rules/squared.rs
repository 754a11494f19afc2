//! A squared error after units that saturate: a flat unit passes a tiny gradient, even if its answer is wrong.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, facts};
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::number::LayerNumber;

fn saturates(l: &LayerConfig) -> bool {
    matches!(
        l,
        LayerConfig::Sigmoid(_)
            | LayerConfig::Tanh(_)
            | LayerConfig::HardSigmoid(_)
            | LayerConfig::Hardtanh(_)
    )
}

pub(super) fn judge(f: &Facts) -> Judgement {
    let squared = matches!(f.recipe.loss, LossConfig::Mse(_) | LossConfig::Mae(_) | LossConfig::Huber(_));
    let classes = f.data.as_ref().is_some_and(|d| d.majority.is_some());
    let last = f
        .recipe
        .network
        .iter()
        .rev()
        .find(|l| !matches!(l, LayerConfig::Identity(_) | LayerConfig::Flatten(_)));
    if !squared || !classes || !last.is_some_and(saturates) {
        return Clear;
    }
    let at = f
        .layers
        .iter()
        .rposition(|l| ["Sigmoid", "Tanh", "HardSigmoid", "Hardtanh"].iter().any(|n| l.label.starts_with(n)));
    let flat = f
        .marks
        .last()
        .and_then(|m| m.layers.iter().find(|l| Some(l.layer) == at)?.get(LayerNumber::Saturated));
    let text = format!("{} behind a layer that saturates, on classes", f.recipe.loss.name());
    let mut s =
        Suspicion::new(text).at(if flat.is_some_and(|x| x > 0.5) { Level::Warn } else { Level::Note });
    if let Some(flat) = flat {
        s = s.with("saturated", flat.into());
    }
    s.of_layer(at.map(|i| f.layer(i)))
        .cures(Fix::of(f, "cross-entropy on the layer before the sigmoid", |r| {
            let mut layers = r.network.clone();
            layers.pop();
            r.network = facts::mapped(&layers, &mut |l| Some(l.clone()));
            r.loss = LossConfig::CrossEntropy(crate::engine::loss::cross_entropy::CrossEntropy::default());
        }))
        .cures(Fix::set(f, "cross-entropy instead", &[("loss", "CrossEntropy()".into())]))
        .suspect()
}
