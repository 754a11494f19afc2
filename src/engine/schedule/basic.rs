//! Constant rates, and rates that a factor changes from time to time.

use super::{Schedule, ScheduleMemory, SchedulePoint};
use crate::registry::settings;

settings! {
    /// The same rate at every step.
    pub struct Constant {}
}

impl Schedule for Constant {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        when.base
    }
}

settings! {
    /// b γ^⌊t/s⌋: a factor after every s steps.
    pub struct Step {
        /// steps between two changes
        step_size: usize = 100, 1..=crate::limits::STEPS;
        /// the factor
        gamma: f64 = 0.5, 0.0..=10.0;
    }
}

impl Schedule for Step {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        when.base * libm::pow(self.gamma, (when.t / self.step_size as u64) as f64)
    }
}

settings! {
    /// b γⁿ, n the number of milestones that have been reached.
    pub struct MultiStep {
        /// the steps, from 0, at which the rate changes
        milestones: Vec<usize> = vec![500, 1000], 0..=crate::limits::STEPS;
        /// the factor
        gamma: f64 = 0.1, 0.0..=10.0;
    }
}

impl Schedule for MultiStep {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let reached = self.milestones.iter().filter(|&&m| m as u64 <= when.t).count();
        when.base * libm::pow(self.gamma, reached as f64)
    }
}

settings! {
    /// b γᵗ: a factor after every step.
    pub struct Exponential {
        /// the factor
        gamma: f64 = 0.999, 0.0..=10.0;
    }
}

impl Schedule for Exponential {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        when.base * libm::pow(self.gamma, when.t as f64)
    }
}
