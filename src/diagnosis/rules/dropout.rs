//! Dropout that is so strong that the units left at a step are too few to learn the task.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, facts, percent};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::dropout::Dropout;

pub(super) fn judge(f: &Facts) -> Judgement {
    let (mut most, mut count) = (0.0f64, 0);
    facts::mapped(&f.recipe.network, &mut |l| {
        if let LayerConfig::Dropout(d) = l {
            most = most.max(d.p);
            count += 1;
        }
        Some(l.clone())
    });
    if most < 0.25 {
        return Clear;
    }
    let with = |p: f64| {
        let words =
            if p == 0.0 { "without dropout".to_string() } else { format!("dropout of {}", percent(p)) };
        Fix::of(f, words, |r| {
            r.network = facts::mapped(&r.network, &mut |l| match l {
                LayerConfig::Dropout(_) if p == 0.0 => None,
                LayerConfig::Dropout(_) => Some(Dropout { p }.into()),
                other => Some(other.clone()),
            });
        })
    };
    Suspicion::new(format!("dropout silences {} of a layer at every step, in {count} places", percent(most)))
        .at(if most >= 0.75 { Level::Warn } else { Level::Note })
        .with("p", most)
        .cures(with(0.0))
        .cures(with(0.1))
        .suspect()
}
