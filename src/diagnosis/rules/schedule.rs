//! A schedule whose learning rate is almost zero long before the run ends.

use super::{Clear, Facts, Fix, Judgement, Level, Suspicion, number, percent};

/// Below this fraction of its maximum, the learning rate counts as almost zero.
const GONE: f64 = 0.02;
/// The smallest fraction of the run that must still lie ahead.
const AHEAD: f64 = 0.4;

pub(super) fn judge(f: &Facts) -> Judgement {
    let total = f.total.max(1);
    let points = 400.min(total);
    let rates: Vec<(u64, f64)> = (0..points).map(|i| i * total / points).map(|t| (t, f.rate(t))).collect();
    let most = rates.iter().map(|r| r.1).fold(0.0, f64::max);
    let gone = rates.iter().rposition(|(_, r)| *r > GONE * most).map_or(0, |i| i + 1);
    let Some(&(since, rate)) = rates.get(gone) else { return Clear };
    if (total - since) as f64 / (total as f64) < AHEAD {
        return Clear;
    }
    let text = format!(
        "the rate is {} from step {since} on: {} of the run lie ahead",
        number(rate),
        percent((total - since) as f64 / total as f64)
    );
    Suspicion::new(text)
        .at(Level::Warn)
        .since(since)
        .with("rate then", rate)
        .with("greatest rate", most)
        .with("share of the run before it is gone", since as f64 / total as f64)
        .cures(Fix::set(f, "a cosine over the whole run", &[("schedule", "CosineClamped()".into())]))
        .cures(Fix::set(f, "a constant rate", &[("schedule", "Constant()".into())]))
        .suspect()
}
