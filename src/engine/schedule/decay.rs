//! Rates that fall as a power of the remaining share of the run.

use super::{Schedule, ScheduleMemory, SchedulePoint, length};
use crate::limits;
use crate::registry::settings;

settings! {
    /// b (1 - t/n)^power, 0 from step n on.
    pub struct Polynomial {
        /// steps n of the decay; default: the whole run
        total_iters: Option<usize> = None, 1..=limits::STEPS;
        /// 1: a straight line
        power: f64 = 1.0, 0.0..=100.0;
    }
}

impl Schedule for Polynomial {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        when.base * left(when.t as f64, length(self.total_iters, when), self.power)
    }
}

settings! {
    /// (b - e)(1 - (t - begin)/n)^power + e: from b to e, beginning late.
    pub struct PolynomialEnd {
        /// the final rate e
        end_value: f64 = 0.0, 0.0..=1e6;
        /// 1: a straight line
        power: f64 = 1.0, 0.0..=100.0;
        /// steps n of the decay; default: what is left of the run
        transition_steps: Option<usize> = None, 1..=limits::STEPS;
        /// the step at which it begins
        transition_begin: usize = 0, 0..=limits::STEPS;
    }
}

impl Schedule for PolynomialEnd {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let begin = self.transition_begin as u64;
        let rest = SchedulePoint { total: when.total.saturating_sub(begin), ..when };
        let done = when.t.saturating_sub(begin) as f64;
        let left = left(done, length(self.transition_steps, rest), self.power);
        (when.base - self.end_value) * left + self.end_value
    }
}

/// (1 - done/all)^power, 0 beyond the end.
fn left(done: f64, all: f64, power: f64) -> f64 {
    libm::pow(1.0 - (done / all).min(1.0), power)
}
