//! Labels that the network memorises without better results on other samples. The loss cannot show which labels are
//! wrong; it can show that the inputs do not predict them.

use super::{Clear, Facts, Judgement, Level, Skipped, Suspicion, percent};
use crate::number::Number;

/// The evidence of labels that are being memorised.
pub const BEGUN: &str = "training loss below that of a constant";

/// The greatest accuracy and the least loss in validation.
fn validated(f: &Facts) -> (f64, f64) {
    let values = |number| f.evaluations.iter().filter_map(move |e| e.get(number));
    (values(Number::ValAccuracy).fold(0.0, f64::max), values(Number::ValLoss).fold(f64::INFINITY, f64::min))
}

/// Whether a run predicts the labels of samples on which it was not trained, so that they are no noise.
pub fn predicted(f: &Facts) -> bool {
    let Some(d) = &f.data else { return false };
    let (best, least) = validated(f);
    let hits = d.chance.accuracy.is_some_and(|chance| best > chance + 0.5 * (1.0 - chance));
    hits || least < 0.8 * d.chance.loss
}

/// Labels that are being memorised: the training loss falls below that of a constant, the validation loss never does.
fn begun(f: &Facts) -> Option<Suspicion> {
    let (train, d) = (f.train?, f.data.as_ref()?);
    let (best, least) = validated(f);
    // Two standard deviations of the hits of a constant, for about as many validation samples as usual.
    let spread = |p: f64| 2.0 * libm::sqrt(p * (1.0 - p) / (d.samples as f64 / 4.0).max(1.0));
    let told = d.chance.accuracy.is_some_and(|p| best > p + spread(p));
    if f.evaluations.len() < 3 || train.loss >= 0.92 * d.chance.loss || least < 0.97 * d.chance.loss || told {
        return None;
    }
    let text = format!(
        "training fell to {} of the loss of a constant, validation never below {} of it",
        percent(train.loss / d.chance.loss),
        percent(least / d.chance.loss)
    );
    Some(
        Suspicion::new(text)
            .at(Level::Warn)
            .with(BEGUN, train.loss)
            .with("least validation loss", least)
            .with("loss of a constant", d.chance.loss),
    )
}

pub(super) fn judge(f: &Facts) -> Judgement {
    if let Some(suspicion) = begun(f) {
        return suspicion.suspect();
    }
    let (Some(train), Some(d)) = (f.train, &f.data) else {
        return Skipped("its training samples were not evaluated");
    };
    let (Some(hits), Some(chance)) = (train.accuracy, d.chance.accuracy) else {
        return Skipped("there are no classes");
    };
    let (best, least) = validated(f);
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
