//! The rule that ends training when validation no longer improves.

use crate::limits;
use crate::registry::settings;

settings! {
    /// Ends the lane when its validation loss no longer falls. Prechelt 1998, doi:10.1007/3-540-49430-8_3.
    pub struct EarlyStopping {
        /// evaluations in a row without a better loss after which it ends; 0: never
        patience: usize = 0, 0..=limits::STEPS;
        /// by how much a loss must be lower to be better
        min_delta: f64 = 0.0, 0.0..=1e6;
        /// whether the best weights come back at the end
        restore_best: bool = false;
    }
}

/// The rule's memory between evaluations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoppingMemory {
    /// The best loss and the step after which it was measured; `None` before the first one.
    pub at: Option<(f32, u64)>,
    /// Evaluations since then.
    pub since: u64,
}

/// The rule's verdict on an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppingDecision {
    /// The best so far.
    Better,
    /// Not the best; training continues.
    Wait,
    /// Not the best for too long.
    Stop,
}

impl EarlyStopping {
    /// Takes a validation loss into account. A loss that is NaN is never better.
    pub fn report(&self, loss: f32, step: u64, best: &mut StoppingMemory) -> StoppingDecision {
        if self.patience == 0 {
            return StoppingDecision::Wait;
        }
        let better = match best.at {
            Some((least, _)) => f64::from(loss) < f64::from(least) - self.min_delta,
            None => !loss.is_nan(),
        };
        if better {
            *best = StoppingMemory { at: Some((loss, step)), since: 0 };
            return StoppingDecision::Better;
        }
        best.since += 1;
        if best.since >= self.patience as u64 { StoppingDecision::Stop } else { StoppingDecision::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_evaluations_since_the_best_one() {
        use StoppingDecision::{Better, Stop, Wait};
        let rule = EarlyStopping { patience: 2, min_delta: 0.1, restore_best: false };
        let mut best = StoppingMemory::default();
        let losses = [f32::NAN, 1.0, 0.95, 0.85, 0.9, 0.8, 0.1];
        let verdicts: Vec<_> = losses.iter().zip(1..).map(|(l, s)| rule.report(*l, s, &mut best)).collect();
        assert_eq!(verdicts, [Wait, Better, Wait, Better, Wait, Stop, Better]);
        assert_eq!(best.at, Some((0.1, 7)));
        let mut none = StoppingMemory::default();
        assert_eq!(EarlyStopping::default().report(1.0, 1, &mut none), Wait);
        assert_eq!(none, StoppingMemory::default());
    }
}
