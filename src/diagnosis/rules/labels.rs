//! Labels that the network memorises without better results on other samples. The loss cannot show which labels are
//! wrong; it can show that the inputs do not predict them.

use super::{Clear, Facts, Judgement, Level, Skipped, Suspicion, percent};
use crate::number::Number;

pub(super) fn judge(f: &Facts) -> Judgement {
    let (Some(train), Some(d)) = (f.train, &f.data) else {
        return Skipped("its training samples were not evaluated");
    };
    let (Some(hits), Some(chance)) = (train.accuracy, d.chance.accuracy) else {
        return Skipped("there are no classes");
    };
    let best = f.evaluations.iter().filter_map(|e| e.get(Number::ValAccuracy)).fold(0.0, f64::max);
    let least = f.evaluations.iter().filter_map(|e| e.get(Number::ValLoss)).fold(f64::INFINITY, f64::min);
    // The accuracy above chance in validation, as a fraction of that in training.
    let told = (best - chance) / (hits - chance).max(1e-9);
    if hits < chance + 0.6 * (1.0 - chance) || least < 0.8 * d.chance.loss || told > 0.5 {
        return Clear;
    }
    Suspicion::new(format!(
        "{} of the training samples are learnt by heart; on others it was never better than {} (a constant: {})",
        percent(hits),
        percent(best),
        percent(chance)
    ))
    .at(Level::Warn)
    .with("hits in training", hits)
    .with("best hits in validation", best)
    .with("hits of a constant", chance)
    .with("least validation loss", least)
    .with("loss of a constant", d.chance.loss)
    .suspect()
}
