//! Plain recurrent layers: their gradient through time vanishes or grows
//! exponentially with the length of the sequence.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, facts, init_fixes, number, two};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::recurrent::{gru::Gru, lstm::Lstm};
use crate::number::Number;
use crate::scenario::Shape;

fn length(f: &Facts) -> usize {
    if let Shape::Sequence { steps, .. } = f.input { steps } else { 0 }
}

pub(super) fn forgets(f: &Facts) -> Judgement {
    if !f.has("Rnn") || length(f) < 8 || f.divergence().is_some() {
        return Clear;
    }
    let gated = |lstm: bool| {
        Fix::of(f, if lstm { "Lstm instead of Rnn" } else { "Gru instead of Rnn" }, |r| {
            r.network = facts::mapped(&r.network, &mut |l| {
                Some(match l {
                    LayerConfig::Rnn(rnn) if lstm => {
                        Lstm { units: rnn.units, all: rnn.all, ..Lstm::default() }.into()
                    }
                    LayerConfig::Rnn(rnn) => Gru { units: rnn.units, all: rnn.all }.into(),
                    other => other.clone(),
                })
            });
        })
    };
    Suspicion::new(format!("a plain recurrent layer over {} steps", length(f)))
        .at(Level::Note)
        .of_layer(f.layers.iter().position(|l| l.label.starts_with("Rnn")).map(|i| f.layer(i)))
        .with("steps of a sequence", length(f) as f64)
        .cures(gated(false))
        .cures(gated(true))
        .cures(Fix::set(f, "init Orthogonal: the state keeps its size", &[("init", "Orthogonal()".into())]))
        .suspect()
}

pub(super) fn explodes(f: &Facts) -> Judgement {
    if !f.has("Rnn") {
        return Clear;
    }
    let norms: Vec<f64> = f.series(Number::GradNorm).map(|(_, x)| x).collect();
    let most = norms.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
    let usual = facts::median(norms.iter().copied().filter(|x| x.is_finite()).collect()).unwrap_or(0.0);
    let lost = f.divergence().is_some();
    let times = most / usual.max(1e-9);
    let grown = usual >= 50.0 || (most > 30.0 && times > 50.0) || (most > 5.0 && times > 100.0);
    if !lost && !grown {
        return Clear;
    }
    let clip = if most > 50.0 * usual.max(1e-9) {
        let text = format!("clip at {}, the median of the norms", two(usual));
        Fix::set(f, text, &[("clip", format!("Norm({})", two(usual)))])
    } else {
        super::exploding::clip(f)
    };
    Suspicion::new(format!("a gradient of norm {} came back through {} steps", number(most), length(f)))
        .at(if lost { Level::Bad } else { Level::Note })
        .since(f.divergence().map_or(0, |d| d.step))
        .of_layer(f.layers.iter().position(|l| l.label.starts_with("Rnn")).map(|i| f.layer(i)))
        .with("largest gradient", most)
        .with("usual gradient", usual)
        .cures(clip)
        .cures(Fix::set(f, "clip at 1", &[("clip", "Norm(1)".into())]))
        .cures(init_fixes(f, "the recurrent weights do not multiply the state"))
        .suspect()
}
