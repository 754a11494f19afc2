//! Features of very different or very large size: one learning rate cannot suit them
//! all, and sigmoids behind them saturate.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, number};
use crate::engine::layer::LayerConfig;
use crate::scenario::Scaling;

/// Inputs beyond this magnitude are large.
const LARGE: f64 = 15.0;
/// Inputs are also large if their mean lies about this many standard deviations from 0.
const FAR: f64 = 8.0;
/// Features whose spreads differ by more than this factor are uneven.
const UNEVEN: f64 = 20.0;

pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(d) = &f.data else { return Skipped("the data are not at hand") };
    if matches!(f.recipe.network.first(), Some(LayerConfig::Surface(_))) {
        return Skipped("a test function has no inputs");
    }
    let (least, most) = d.spread;
    let uneven = most / least.max(1e-30);
    let tiny = d.largest < 0.05;
    if f.scaling != Scaling::None
        || !(d.largest > LARGE || d.largest > FAR * most || (uneven > UNEVEN && most > 3.0) || tiny)
    {
        return Clear;
    }
    let text = if tiny {
        format!("no input is larger than {}", number(d.largest))
    } else {
        format!(
            "inputs reach {}, and their features vary by {} to {}",
            number(d.largest),
            number(least),
            number(most)
        )
    };
    Suspicion::new(text)
        .at(Level::Note)
        .with("largest input", d.largest)
        .with("least spread of a feature", least)
        .with("largest spread of a feature", most)
        .cures(Fix::scaled(f, "inputs scaled to mean 0 and deviation 1", Scaling::Standard))
        .suspect()
}
