//! Learning rate schedules: the table. A schedule is a function of the step; only the plateau rule remembers anything.

use crate::registry::registry;

pub mod basic;
pub mod cosine;
pub mod cycle;
pub mod decay;
pub mod plateau;
pub mod warmup;

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

/// A length in steps: the one that was set, or that of the whole run; never 0.
pub(crate) fn length(set: Option<usize>, when: When) -> f64 {
    set.map_or(when.total, |n| n as u64).max(1) as f64
}

/// From `from` to `to` along half a cosine; `share` of the way in [0, 1].
pub(crate) fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share))
}

registry! {
    /// Every schedule that a scenario can name.
    pub enum ScheduleConfig: dyn Schedule {
        Constant(basic::Constant),
        Step(basic::Step),
        MultiStep(basic::MultiStep),
        Exponential(basic::Exponential),
        Cosine(cosine::Cosine),
        CosineClamped(cosine::CosineClamped),
        CosineRestarts(cosine::CosineRestarts),
        WarmupCosine(cosine::WarmupCosine),
        Warmup(warmup::Warmup),
        Linear(warmup::Linear),
        InverseSqrt(warmup::InverseSqrt),
        Noam(warmup::Noam),
        Polynomial(decay::Polynomial),
        PolynomialEnd(decay::PolynomialEnd),
        OneCycle(cycle::OneCycle),
        Cyclical(cycle::Cyclical),
        ReduceOnPlateau(plateau::ReduceOnPlateau),
    }
}
