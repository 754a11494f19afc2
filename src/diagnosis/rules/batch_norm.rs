//! Batch norm over a few samples: the statistics of a batch are noisy, and evaluation uses different ones.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, facts, number, percent};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::norm::group::{GroupNorm, LayerNorm};
use crate::number::Number;

/// From this batch size on, the statistics of a batch are within a quarter of those of the data.
const ENOUGH: usize = 16;

/// The largest relative error of a standard deviation at which a suggested batch size counts as large enough.
const NOISE: f64 = 0.13;

/// The relative error of a standard deviation that is estimated from this many normally distributed samples.
fn noise(samples: usize) -> f64 {
    1.0 / (2.0 * (samples as f64 - 1.0)).sqrt().max(1.0)
}

pub(super) fn judge(f: &Facts) -> Judgement {
    if !f.has("BatchNorm") || f.recipe.batch >= ENOUGH {
        return Clear;
    }
    let layer = f.layers.iter().position(|l| l.label.starts_with("BatchNorm"));
    let image = matches!(f.input, crate::scenario::Shape::Image { .. });
    let mut flat = !image;
    let replaced = Fix::of(f, "layer norm and group norm, which know no batch", |r| {
        r.network = facts::mapped(&r.network, &mut |l| {
            flat |=
                matches!(l, LayerConfig::Flatten(_) | LayerConfig::Dense(_) | LayerConfig::GlobalAvgPool(_));
            Some(match l {
                LayerConfig::BatchNorm(_) if flat => LayerNorm::default().into(),
                LayerConfig::BatchNorm(_) => GroupNorm { groups: 1, ..GroupNorm::default() }.into(),
                other => other.clone(),
            })
        });
    });
    let wanted = (1..16).map(|k| 1 << k).find(|&n| noise(n) <= NOISE).unwrap_or(ENOUGH);
    let batch = wanted.min(f.data.as_ref().map_or(wanted, |d| d.samples));
    let within = |n: usize| percent(noise(n));
    // The training samples in both modes: as batches of the last steps, and evaluated at the end.
    let losses = f.median(Number::Loss, 0.8).zip(f.train.map(|t| t.loss));
    let losses = losses.filter(|(a, b)| a.is_finite() && b.is_finite());
    let gap = losses.map_or_else(String::new, |(training, evaluation)| {
        format!(
            ": their loss is {} in training mode and {} in evaluation mode",
            number(training),
            number(evaluation)
        )
    });
    Suspicion::new(format!(
        "batch norm takes its statistics from {} samples in training (standard deviations are off by {}), and from running \
         averages in evaluation{gap}",
        f.recipe.batch,
        within(f.recipe.batch)
    ))
    .at(if f.recipe.batch <= 4 { Level::Warn } else { Level::Note })
    .of_layer(layer.map(|i| f.layer(i)))
    .with("batch", f.recipe.batch as f64)
    .with("noise of a standard deviation", noise(f.recipe.batch))
    .cures(Fix::set(
        f,
        format!("batch {batch}: standard deviations are off by {}", within(batch)),
        &[("batch", batch.to_string())],
    ))
    .cures(replaced)
    .suspect()
}
