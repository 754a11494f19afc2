//! Learning rate schedules: the table. A schedule is a function of the step; only the plateau rule remembers anything.

use crate::registry::registry;

pub mod basic;

/// Where in a run a rate is asked for.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// The optimizer's own learning rate.
    pub base: f64,
    /// The step, from 0.
    pub t: u64,
    /// Steps of the whole run, the default length of a decay.
    pub total: u64,
}

/// Numbers that a schedule keeps between steps; part of a snapshot.
pub type Memory = [f64; 4];

/// A rule for the learning rate.
pub trait Schedule: Send + Sync {
    /// The rate of step `when.t`.
    fn lr(&self, when: When, memory: &Memory) -> f64;

    /// Hears the validation loss (or accuracy) after an evaluation.
    fn report(&self, _base: f64, _metric: f64, _memory: &mut Memory) {}
}

registry! {
    /// Every schedule that a scenario can name.
    pub enum ScheduleConfig: dyn Schedule {
        Constant(basic::Constant),
        Step(basic::Step),
    }
}
