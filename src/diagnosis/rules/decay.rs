//! A penalty on the weights that outweighs the task: the weights shrink faster than they learn.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, number};
use crate::number::Number;

/// A weight decay up to this value does not keep a weight from learning.
const HARMLESS: f64 = 2e-3;

pub(super) fn judge(f: &Facts) -> Judgement {
    let paths = ["optimizer.weight_decay", "regularisation.l2", "regularisation.l1"];
    let found = paths.iter().filter_map(|p| Some((*p, f.setting(p)?))).filter(|(_, x)| *x > HARMLESS);
    let Some((path, decay)) = found.max_by(|a, b| a.1.total_cmp(&b.1)) else { return Clear };
    let kept = f.marks.first().zip(f.marks.last()).and_then(|(a, b)| {
        let norm = |m: &super::super::MeasuredStep| {
            m.layers
                .iter()
                .filter_map(|l| l.get(crate::number::LayerNumber::WeightNorm))
                .map(f64::from)
                .map(|x| x * x)
                .sum::<f64>()
        };
        (norm(a) > 0.0).then(|| (norm(b) / norm(a)).sqrt())
    });
    let lr = f.median(Number::Lr, 0.0).unwrap_or_default();
    let mut s = Suspicion::new(format!("{path} of {} takes weights away at every step", number(decay)))
        .at(if kept.is_some_and(|k| k < 0.3) { Level::Warn } else { Level::Note })
        .with("penalty", decay)
        .with("share of a weight lost at each step, at most", lr * decay);
    if let Some(kept) = kept {
        s = s.with("weights at the end over those at the start", kept);
    }
    let without =
        |value: &str, words: &str| Fix::set(f, format!("{path} {words}"), &[(path, value.to_string())]);
    s.cures(without("0", "off")).cures(without("1e-4", "1e-4")).suspect()
}
