//! Rectifiers that are off for every sample, so many that the network does not learn.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, facts, init_fixes, percent};
use crate::engine::layer::LayerConfig;
use crate::engine::layer::activation::piecewise::LeakyRelu;

/// From here on a layer has too few units left.
const MANY: f64 = 0.85;

fn rectifies(label: &str) -> bool {
    let name = label.split(' ').next().unwrap_or_default();
    matches!(name, "Relu" | "Relu6" | "HardSwish")
}

pub(super) fn judge(f: &Facts) -> Judgement {
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
    let silent = |m: &super::super::Mark| {
        let l = m.layers.iter().find(|l| l.layer == layer)?;
        l.get(crate::number::LayerNumber::Silent)
    };
    // Where the weights are too large from the start, the first steps and not the init have switched them off.
    let born = f.marks.first().and_then(|m| silent(m)).is_some_and(|s| f64::from(s) > 0.8);
    let leaky = Fix::of(f, "leaky rectifiers, which let a gradient through", |r| {
        r.network = facts::mapped(&r.network, &mut |l| {
            Some(if matches!(l, LayerConfig::Relu(_) | LayerConfig::Relu6(_)) {
                LeakyRelu::default().into()
            } else {
                l.clone()
            })
        });
    });
    Suspicion::new(format!("{} of the units of {} are off for every sample", percent(dead), f.layer(layer)))
        .at(if dead > 0.999 { Level::Bad } else { Level::Warn })
        .since(f.onset(|m| silent(m).is_some_and(|s| f64::from(s) >= 0.9 * dead)).unwrap_or(0))
        .of_layer(Some(f.layer(layer)))
        .with("dead", dead)
        .with("dead at the first step", f64::from(u8::from(born)))
        .cures(if born { init_fixes(f, "units begin on both sides of zero") } else { Vec::new() })
        .cures(leaky)
        .suspect()
}
