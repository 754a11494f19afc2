//! Vanishing gradient: the first layer gets a tiny fraction of the last layer's gradient.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, facts, init, init_fixes, number};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::activation::Tanh;
use crate::engine::layer::activation::piecewise::Relu;
use crate::engine::layer::norm::batch::BatchNorm;
use crate::engine::layer::norm::group::LayerNorm;
use crate::number::LayerNumber;
use crate::registry::Settings as _;

/// Below this fraction of the last layer's gradient, the first layer's gradient is vanishing.
const VANISHING: f64 = 2e-3;
/// The same limit for a run that is no better than a constant.
const FADING: f64 = 1e-2;

pub(super) fn judge(f: &Facts) -> Judgement {
    if f.depth() < 3 {
        return Clear;
    }
    let Some(ratio) = facts::median(f.marks.iter().filter_map(|m| Facts::ratio(m)).collect()) else {
        return Judgement::Skipped("no layer's gradient was measured");
    };
    let early =
        facts::median(f.marks.iter().take(12).filter_map(|m| Facts::ratio(m)).collect()).unwrap_or(ratio);
    // Units that are dead, flat or equal from the start let no gradient through at all; other rules find these causes.
    let blocked = f
        .marks
        .first()
        .is_some_and(|m| m.layers.iter().any(|l| l.get(LayerNumber::Silent).is_some_and(|s| s > 0.9)));
    // Where the units have died later, the first steps decide.
    let ratio = if ratio > 0.0 { ratio } else { early };
    let limit = if !f.foreign && f.lost() { FADING } else { VANISHING };
    if ratio.min(early) >= limit || blocked || early <= 0.0 {
        return Clear;
    }
    let since = f.onset(|m| Facts::ratio(m).is_some_and(|r| r < limit)).unwrap_or(1);
    let first = f.layers.iter().position(|l| l.params > 0).unwrap_or(0);
    let share = number(ratio.min(early));
    let text = format!("{} gets {share} of the last layer's gradient (median)", f.layer(first));
    let squashes = |l: &LayerConfig| {
        matches!(
            l,
            LayerConfig::Sigmoid(_)
                | LayerConfig::Tanh(_)
                | LayerConfig::HardSigmoid(_)
                | LayerConfig::Softsign(_)
                | LayerConfig::Hardtanh(_)
        )
    };
    let any = {
        let mut any = false;
        facts::mapped(&f.recipe.network, &mut |l| {
            any |= squashes(l);
            Some(l.clone())
        });
        any
    };
    let instead = |text: &str, init: &str, with: LayerConfig| {
        let text = text.to_string();
        any.then(|| {
            Fix::of(f, text, |r| {
                r.network = facts::mapped(&r.network, &mut |l| {
                    Some(if squashes(l) { with.clone() } else { l.clone() })
                });
                let _ = r.set("init", init);
            })
        })
    };
    let rectified = instead("rectifiers with He's init", "HeNormal()", Relu::default().into());
    // The slope of tanh at 0 is 1, that of a sigmoid a quarter.
    let centred = instead("tanh with Xavier's init", "XavierNormal()", Tanh::default().into());
    let normed = Fix::of(f, "layer norm after every Dense layer", |r| {
        r.network = normalised(&r.network, &LayerNorm::default().into());
    });
    let batch_normed = Fix::of(f, "batch norm after every Dense layer", |r| {
        r.network = normalised(&r.network, &BatchNorm::default().into());
    });
    // The factor of one layer, measured between the first and the last.
    let shrunk = libm::pow(early, 1.0 / (f.depth() - 1) as f64);
    Suspicion::new(text)
        .at(if ratio < 1e-4 { Level::Bad } else { Level::Warn })
        .since(since)
        .of_layer(Some(f.layer(first)))
        .with("first over last gradient", ratio)
        .with("the same at the first steps", early)
        .cures(init_fixes(f, "the gradient keeps its size"))
        .cures(init::scaled(
            f,
            1.0 / shrunk,
            &format!("each layer shrank the gradient to {}", number(shrunk)),
        ))
        .cures(rectified.flatten())
        .cures(centred.flatten())
        .cures(normed)
        .cures(batch_normed)
        .suspect()
}

/// Whether the gradient of a suspicion has vanished whatever the outcome of the run.
pub fn vanished(s: &Suspicion) -> bool {
    s.evidence.iter().any(|(_, ratio)| *ratio < VANISHING)
}

/// Inserts a normalisation after each Dense layer, also inside other layers.
pub(super) fn normalised(layers: &[LayerConfig], norm: &LayerConfig) -> Vec<LayerConfig> {
    let mut out = Vec::new();
    for layer in layers {
        match layer {
            LayerConfig::Repeat(r) => {
                let mut repeat = r.clone();
                repeat.layers = normalised(&r.layers, norm);
                out.push(repeat.into());
            }
            LayerConfig::Residual(r) => {
                let mut residual = r.clone();
                residual.layers = normalised(&r.layers, norm);
                out.push(residual.into());
            }
            LayerConfig::Dense(_) => out.extend([layer.clone(), norm.clone()]),
            other => out.push(other.clone()),
        }
    }
    out
}
