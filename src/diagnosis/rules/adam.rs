//! Adam's constants: an eps above the root mean square of the gradient makes steps tiny, and too short an average of
//! the squares makes the loss spike.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, number};
use crate::number::Number;

/// A loss that grows by more than this factor is no rounding error.
const JUMP: f64 = 1e3;
/// A spike starts below this fraction of the first loss and ends above it.
const SHARE: f64 = 0.01;

/// The first jump of the loss in full-batch training, where the choice of samples cannot cause it: its step, the least
/// loss before it, and the loss at that step.
fn spike(f: &Facts) -> Option<(u64, f64, f64)> {
    if f.recipe.batch < f.data.as_ref()?.samples {
        return None;
    }
    let mut losses = f.series(Number::Loss);
    let first = losses.next()?.1;
    let mut least = first;
    for (step, loss) in losses {
        if loss > JUMP * least && loss > SHARE * first && least < SHARE * first {
            return Some((step, least, loss));
        }
        least = least.min(loss);
    }
    None
}

pub(super) fn judge(f: &Facts) -> Judgement {
    let betas: Option<(f64, f64)> =
        f.recipe.at("optimizer.betas").and_then(|t| crate::registry::SettingValue::parse(&t).ok());
    let adam = ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "AdaBelief", "Lamb", "RmsProp", "Yogi"];
    if !adam.contains(&f.recipe.optimizer.name()) {
        return Clear;
    }
    let eps = f.setting("optimizer.eps").unwrap_or(1e-8);
    let second = betas.map_or_else(|| f.setting("optimizer.alpha").unwrap_or(0.999), |b| b.1);
    let (large, short) =
        (eps > 1e-4 && f.recipe.optimizer.name() != "Yogi", !(0.95..=0.9995).contains(&second));
    let greedy = eps < 1e-12 && f.recipe.optimizer.name() != "AdaBelief";
    if !large && !short && !greedy {
        return Clear;
    }
    let betas = |s: f64| ("optimizer.betas", format!("({}, {s})", betas.map_or(0.9, |b| b.0)));
    let eps_fix = Fix::set(f, "eps 1e-8", &[("optimizer.eps", "1e-8".into())]);
    let second_fix = Fix::set(f, "a second beta of 0.999", &[betas(0.999)]);
    let both = Fix::set(f, "betas (0.9, 0.999)", &[("optimizer.betas", "(0.9, 0.999)".into())]);
    let alpha = Fix::set(f, "alpha 0.99", &[("optimizer.alpha", "0.99".into())]);
    let mut fixes = Vec::new();
    if large || greedy {
        fixes.extend(eps_fix);
    }
    if short {
        fixes.extend([second_fix, alpha, both].into_iter().flatten());
    }
    let spike = spike(f);
    let jump = spike.map_or_else(String::new, |(step, low, high)| {
        format!("; the loss jumped from {} to {} at step {step}, in full batches", number(low), number(high))
    });
    Suspicion::new(format!("eps is {} and the second memory {}{jump}", number(eps), number(second)))
        .at(if spike.is_some() { Level::Warn } else { Level::Note })
        .since(spike.map_or(0, |s| s.0))
        .with("eps", eps)
        .with("second beta", second)
        .cures(fixes)
        .suspect()
}
