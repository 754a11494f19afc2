//! Dead units: so many rectifiers are off for every sample that the network does not learn.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, facts, init_fixes, percent};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::activation::piecewise::LeakyRelu;
use crate::number::LayerNumber;

/// The evidence that units were dead at the first step: 1 or 0.
pub const BORN: &str = "dead at the first step";
/// A layer with at least this fraction of dead units has too few units left.
const MANY: f64 = 0.85;

fn rectifies(label: &str) -> bool {
    let name = label.split(' ').next().unwrap_or_default();
    matches!(name, "Relu" | "Relu6" | "HardSwish")
}

/// Judges a log: it does not name the kinds of layers, so it can only show that no gradient passes the last layer.
fn blocked(f: &Facts) -> Judgement {
    let whole = |m: &super::super::MeasuredStep| {
        let norms: Vec<f32> = m.layers.iter().filter_map(|l| l.get(LayerNumber::GradNorm)).collect();
        let (last, before) = norms.split_last()?;
        (!before.is_empty()).then(|| *last > 0.0 && before.iter().all(|g| *g == 0.0))
    };
    let known: Vec<bool> = f.marks.iter().filter_map(|m| whole(m)).collect();
    if known.is_empty() {
        return Skipped("the log has no gradient norms of layers");
    }
    let share = known.iter().filter(|b| **b).count() as f64 / known.len() as f64;
    // Units that die later are a consequence: of a rate that is too high, or of an explosion.
    if share < 0.9 || !known[0] {
        return Clear;
    }
    Suspicion::new("only the last layer gets a gradient: that of all others is exactly zero")
        .at(Level::Bad)
        .since(f.onset(|m| whole(m) == Some(true)).unwrap_or(0))
        .with("share of the steps", share)
        .suspect()
}

pub(super) fn judge(f: &Facts) -> Judgement {
    if f.foreign {
        return blocked(f);
    }
    if !f.layers.iter().any(|l| rectifies(&l.label)) {
        return Clear;
    }
    let of = f.dead.iter().filter(|(i, _)| f.layers.get(*i).is_some_and(|l| rectifies(&l.label)));
    let Some(&(layer, dead)) = of.max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return Skipped("no evaluation has counted its units");
    };
    if dead < MANY {
        return Clear;
    }
    let silent = |m: &super::super::MeasuredStep| {
        let l = m.layers.iter().find(|l| l.layer == layer)?;
        l.get(LayerNumber::Silent)
    };
    // Units that are dead at the first mark already may have been dead from the start, so another init may help.
    let born = f.marks.first().and_then(|m| silent(m)).is_some_and(|s| f64::from(s) > 0.8);
    let leaky = |text: &str, unit: LeakyRelu| {
        Fix::of(f, text, |r| {
            r.network = facts::mapped(&r.network, &mut |l| {
                let rectifier = matches!(l, LayerConfig::Relu(_) | LayerConfig::Relu6(_));
                Some(if rectifier { unit.clone().into() } else { l.clone() })
            });
        })
    };
    let usual = leaky("leaky rectifiers, which let a gradient through", LeakyRelu::default());
    let mut steep = LeakyRelu::default();
    let steeper = crate::registry::Settings::set(&mut steep, "negative_slope", "0.2")
        .ok()
        .and_then(|()| leaky("leaky rectifiers of slope 0.2", steep));
    Suspicion::new(format!("{} of the units of {} are off for every sample", percent(dead), f.layer(layer)))
        .at(if dead > 0.999 { Level::Bad } else { Level::Warn })
        .since(f.onset(|m| silent(m).is_some_and(|s| f64::from(s) >= 0.9 * dead)).unwrap_or(0))
        .of_layer(Some(f.layer(layer)))
        .with("dead", dead)
        .with(BORN, f64::from(u8::from(born)))
        .cures(if born { init_fixes(f, "units begin on both sides of zero") } else { Vec::new() })
        .cures(usual)
        .cures(steeper)
        .suspect()
}
