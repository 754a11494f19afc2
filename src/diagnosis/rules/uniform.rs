//! A uniform output: the loss equals that of the best constant answer.

use super::{Clear, Facts, Judgement, Level, Skipped, Suspicion, number};

pub(super) fn judge(f: &Facts) -> Judgement {
    let (Some(d), Some(score)) = (&f.data, f.score()) else { return Skipped("it was not evaluated") };
    if (score.loss / d.chance.loss.max(1e-30) - 1.0).abs() > 0.02 || f.divergence().is_some() {
        return Clear;
    }
    Suspicion::new(format!("the loss is {}, that of the best constant answer", number(score.loss)))
        .at(Level::Note)
        .with("validation loss", score.loss)
        .with("loss of a constant", d.chance.loss)
        .suspect()
}
