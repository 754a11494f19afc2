//! Regression targets that are very large or very small: the gradient and the step scale with them.

use super::{Clear, Facts, Fix, Judgement, Level, Skipped, Suspicion, number};
use crate::scenario::Scaling;

pub(super) fn judge(f: &Facts) -> Judgement {
    let Some(d) = &f.data else { return Skipped("the data are not at hand") };
    let Some(size) = d.targets else { return Skipped("the labels are classes") };
    if f.target_scaling != Scaling::None || (0.02..=10.0).contains(&size) {
        return Clear;
    }
    Suspicion::new(format!("the numbers to predict are about {}", number(size)))
        .at(Level::Note)
        .with("root mean square of the targets", size)
        .cures(Fix::targets_scaled(f, "targets scaled to mean 0 and deviation 1", Scaling::Standard))
        .suspect()
}
