//! A network that cannot express the task: it does not fit its training samples either.

use super::{Clear, Facts, Fix, Judgement, Suspicion, facts};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::activation::piecewise::Relu;
use crate::engine::layer::dense::Dense;
use crate::scenario::Shape;

/// A hidden layer of at most this many units may need another layer, and not only more units.
const FEW: usize = 4;

pub(super) fn judge(f: &Facts) -> Judgement {
    if f.divergence().is_some() {
        return Clear;
    }
    let last = |r: &[LayerConfig], outputs: usize| {
        let last = r.iter().rposition(|l| matches!(l, LayerConfig::Dense(_)))?;
        matches!(&r[last], LayerConfig::Dense(d) if d.units == outputs && !r[last + 1..].iter().any(|l| !matches!(l, LayerConfig::Softmax(_) | LayerConfig::LogSoftmax(_)))).then_some(last)
    };
    let written = last(&f.recipe.network, f.outputs);
    let mut narrowest = usize::MAX;
    let mut seen = |l: &LayerConfig| {
        match l {
            LayerConfig::Dense(d) => narrowest = narrowest.min(d.units),
            LayerConfig::Rnn(r) => narrowest = narrowest.min(r.units),
            LayerConfig::Lstm(r) => narrowest = narrowest.min(r.units),
            LayerConfig::Gru(r) => narrowest = narrowest.min(r.units),
            LayerConfig::Conv2d(c) => narrowest = narrowest.min(c.filters),
            _ => {}
        }
        Some(l.clone())
    };
    let inner = &f.recipe.network[..written.unwrap_or(f.recipe.network.len())];
    facts::mapped(inner, &mut seen);
    let hidden = narrowest != usize::MAX;
    let units = if hidden { (narrowest * 8).clamp(32, 128) } else { 32 };
    let wide = |n: usize| n.max(units);
    let widen = Fix::of(f, format!("layers of at least {units} units"), |r| {
        let end = written.unwrap_or(r.network.len());
        let tail = r.network.split_off(end);
        let mut layers = facts::mapped(&r.network, &mut |l| {
            Some(match l {
                LayerConfig::Dense(d) => Dense { units: wide(d.units), ..d.clone() }.into(),
                LayerConfig::Rnn(l) => {
                    let mut l = l.clone();
                    l.units = wide(l.units);
                    l.into()
                }
                LayerConfig::Lstm(l) => {
                    let mut l = l.clone();
                    l.units = wide(l.units);
                    l.into()
                }
                LayerConfig::Gru(l) => {
                    let mut l = l.clone();
                    l.units = wide(l.units);
                    l.into()
                }
                LayerConfig::Conv2d(c) => {
                    let mut c = c.clone();
                    c.filters = c.filters.max(16);
                    c.into()
                }
                other => other.clone(),
            })
        });
        layers.extend(tail);
        r.network = layers;
    });
    let bend = Fix::of(f, "a hidden layer of 32 rectifiers before the output", |r| {
        let end = written.unwrap_or(r.network.len());
        let tail = r.network.split_off(end);
        if matches!(f.input, Shape::Image { .. }) && !f.has("Flatten") {
            r.network.push(crate::engine::layer::structure::Flatten::default().into());
        }
        r.network.extend([Dense { units: 32, ..Dense::default() }.into(), Relu::default().into()]);
        r.network.extend(tail);
    });
    let deep = Fix::of(f, "two hidden layers of 64 rectifiers", |r| {
        let mut tail = r.network.split_off(written.unwrap_or(r.network.len()));
        let kept = |l: &LayerConfig| matches!(l, LayerConfig::Flatten(_) | LayerConfig::Embedding(_));
        r.network.retain(kept);
        for _ in 0..2 {
            r.network.extend([Dense { units: 64, ..Dense::default() }.into(), Relu::default().into()]);
        }
        r.network.append(&mut tail);
    });
    let bent = Fix::of(f, "rectifiers after every Dense layer", |r| {
        let end = written.unwrap_or(r.network.len());
        let tail = r.network.split_off(end);
        let whole =
            facts::mapped(&r.network, &mut |l| (!matches!(l, LayerConfig::Identity(_))).then(|| l.clone()));
        r.network = super::vanishing::normalised(&whole, &Relu::default().into());
        r.network.extend(tail);
    });
    let text = if f.linear() {
        "every layer is linear, so the network is".to_string()
    } else {
        format!("its narrowest layer has {narrowest} units")
    };
    let plain = matches!(f.input, Shape::Flat(_)) && narrowest <= FEW && f.depth() <= 3;
    let fixes: Vec<Option<Fix>> = if f.linear() {
        vec![bend, bent.filter(|_| hidden), widen]
    } else {
        vec![widen, bend, deep.filter(|_| plain)]
    };
    Suspicion::new(text)
        .with("units of the narrowest layer", if hidden { narrowest as f64 } else { 0.0 })
        .cures(fixes.into_iter().flatten())
        .suspect()
}
