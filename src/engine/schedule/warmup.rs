//! Rates that begin with a rise.

use super::{Schedule, ScheduleConfig, ScheduleMemory, SchedulePoint, length};
use crate::limits;
use crate::registry::settings;

settings! {
    /// From a small rate up to that of another schedule, which begins when the rise ends. Goyal et al. 2017, arXiv:1706.02677.
    pub struct Warmup {
        /// steps of the rise
        steps: usize = 100, 0..=limits::STEPS;
        /// the schedule that follows
        then: Box<ScheduleConfig> = Box::new(super::basic::Constant::default().into());
        /// rate of the first step as a share of the rate at the end of the rise
        start_factor: f64 = 0.0, 0.0..=1.0;
    }
}

impl Schedule for Warmup {
    fn lr(&self, when: SchedulePoint, memory: &ScheduleMemory) -> f64 {
        let steps = self.steps as u64;
        let total = when.total.saturating_sub(steps);
        let then = self.then.lr(SchedulePoint { t: when.t.saturating_sub(steps), total, ..when }, memory);
        if when.t >= steps {
            return then;
        }
        then * (self.start_factor + (1.0 - self.start_factor) * when.t as f64 / steps as f64)
    }

    fn report(&self, base: f64, metric: f64, memory: &mut ScheduleMemory) {
        self.then.report(base, metric, memory);
    }

    fn listens(&self) -> bool {
        self.then.listens()
    }
}

settings! {
    /// b times a factor that goes from one number to another in a line, then stays.
    pub struct Linear {
        /// the first factor
        start_factor: f64 = 1.0, 0.0..=1e3;
        /// the last factor
        end_factor: f64 = 0.0, 0.0..=1e3;
        /// steps from one to the other; default: the whole run
        total_iters: Option<usize> = None, 1..=limits::STEPS;
    }
}

impl Schedule for Linear {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let share = (when.t as f64 / length(self.total_iters, when)).min(1.0);
        when.base * (self.start_factor + (self.end_factor - self.start_factor) * share)
    }
}

settings! {
    /// b min((t+1)/w, √(w/(t+1))): a rise over w steps to b, then a fall with the root. Vaswani et al. 2017, arXiv:1706.03762, eq. 3, rescaled.
    pub struct InverseSqrt {
        /// steps of the rise
        warmup_steps: usize = 100, 1..=limits::STEPS;
    }
}

impl Schedule for InverseSqrt {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let share = (when.t + 1) as f64 / self.warmup_steps as f64;
        when.base * share.min((1.0 / share).sqrt())
    }
}

settings! {
    /// b d^-½ min((t+1)^-½, (t+1) w^-1.5): the base rate is the factor of Vaswani et al. 2017, arXiv:1706.03762, eq. 3.
    pub struct Noam {
        /// width d of the network
        d_model: usize = 64, 1..=limits::UNITS;
        /// steps of the rise
        warmup_steps: usize = 100, 1..=limits::STEPS;
    }
}

impl Schedule for Noam {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let (t, warmup) = ((when.t + 1) as f64, self.warmup_steps as f64);
        let fall = 1.0 / t.sqrt();
        let rise = t / (warmup * warmup.sqrt());
        when.base / (self.d_model as f64).sqrt() * fall.min(rise)
    }
}
