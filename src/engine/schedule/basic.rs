//! Constant and stepwise rates.

use super::{Memory, Schedule, When};
use crate::registry::settings;

settings! {
    /// The same rate at every step.
    pub struct Constant {}
}

impl Schedule for Constant {
    fn lr(&self, when: When, _: &Memory) -> f64 {
        when.base
    }
}

settings! {
    /// b γ^⌊t/s⌋: a factor after every so many steps.
    pub struct Step {
        /// steps between two changes
        step_size: usize = 100, 1..=crate::limits::STEPS;
        /// the factor
        gamma: f64 = 0.5, 0.0..=10.0;
    }
}

impl Schedule for Step {
    fn lr(&self, when: When, _: &Memory) -> f64 {
        when.base * libm::pow(self.gamma, (when.t / self.step_size as u64) as f64)
    }
}
