//! Lowers the rate when validation stops improving.

use super::{Schedule, ScheduleMemory, SchedulePoint};
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The direction of improvement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Better {
    /// Smaller, as for a loss.
    #[default]
    Min,
    /// Larger, as for an accuracy.
    Max,
}
plain_values!(Better);

/// The reference of the threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Threshold {
    /// It is a share of the best value so far.
    #[default]
    Rel,
    /// It is an absolute difference.
    Abs,
}
plain_values!(Threshold);

settings! {
    /// A factor on the rate after more than `patience` evaluations without improvement, as PyTorch has it.
    pub struct ReduceOnPlateau {
        /// which way is better
        mode: Better = Better::Min;
        /// the factor
        factor: f64 = 0.1, 1e-6..=1.0;
        /// evaluations without improvement that are forgiven
        patience: usize = 10, 0..=1_000_000;
        /// the least improvement that counts
        threshold: f64 = 1e-4, 0.0..=1e6;
        /// what the threshold is measured by
        threshold_mode: Threshold = Threshold::Rel;
        /// evaluations after a reduction that are not counted
        cooldown: usize = 0, 0..=1_000_000;
        /// the least rate
        min_lr: f64 = 0.0, 0.0..=1e6;
        /// a reduction by less is left out
        eps: f64 = 1e-8, 0.0..=1.0;
    }
}

/// Indices in the memory: the share of the base rate that is left (0 before the first report), the best value, the
/// number of bad reports in a row, the reports still to be ignored.
const SHARE: usize = 0;
const BEST: usize = 1;
const BAD: usize = 2;
const COOLDOWN: usize = 3;

fn share(memory: &ScheduleMemory) -> f64 {
    if memory[SHARE] > 0.0 { memory[SHARE] } else { 1.0 }
}

impl ReduceOnPlateau {
    fn improves(&self, metric: f64, best: f64) -> bool {
        let margin = match self.threshold_mode {
            Threshold::Rel => best * self.threshold,
            Threshold::Abs => self.threshold,
        };
        match self.mode {
            Better::Min => metric < best - margin,
            Better::Max => metric > best + margin,
        }
    }
}

impl Schedule for ReduceOnPlateau {
    fn lr(&self, when: SchedulePoint, memory: &ScheduleMemory) -> f64 {
        when.base * share(memory)
    }

    fn listens(&self) -> bool {
        true
    }

    fn report(&self, base: f64, metric: f64, memory: &mut ScheduleMemory) {
        let first = memory[SHARE] == 0.0;
        memory[SHARE] = share(memory);
        if first || memory[BEST].is_nan() || self.improves(metric, memory[BEST]) {
            (memory[BEST], memory[BAD]) = (metric, 0.0);
        } else {
            memory[BAD] += 1.0;
        }
        if memory[COOLDOWN] > 0.0 {
            memory[COOLDOWN] -= 1.0;
            memory[BAD] = 0.0;
        }
        if memory[BAD] > self.patience as f64 {
            let rate = base * memory[SHARE];
            let lower = (rate * self.factor).max(self.min_lr);
            if rate - lower > self.eps {
                memory[SHARE] = (lower / base).max(f64::MIN_POSITIVE);
            }
            (memory[COOLDOWN], memory[BAD]) = (self.cooldown as f64, 0.0);
        }
    }
}
