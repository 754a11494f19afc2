//! Rates that fall along a cosine.

use super::{Schedule, ScheduleMemory, SchedulePoint, half_cosine, length};
use crate::limits;
use crate::registry::settings;

settings! {
    /// e + (b - e)(1 + cos(π t/t_max))/2, rising again beyond t_max. Loshchilov & Hutter 2017, arXiv:1608.03983.
    pub struct Cosine {
        /// steps from the highest rate to the lowest; default: the whole run
        t_max: Option<usize> = None, 1..=limits::STEPS;
        /// the lowest rate
        eta_min: f64 = 0.0, 0.0..=1e6;
    }
}

impl Schedule for Cosine {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        half_cosine(when.base, self.eta_min, when.t as f64 / length(self.t_max, when))
    }
}

settings! {
    /// b((1-α)((1 + cos(π t/n))/2)^exponent + α), constant after n steps: optax's cosine decay.
    pub struct CosineClamped {
        /// steps of the decay; default: the whole run
        decay_steps: Option<usize> = None, 1..=limits::STEPS;
        /// the final rate as a share of the base rate
        alpha: f64 = 0.0, 0.0..=10.0;
        /// bends the curve; 1 leaves it a cosine
        exponent: f64 = 1.0, 0.01..=100.0;
    }
}

impl Schedule for CosineClamped {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let share = (when.t as f64 / length(self.decay_steps, when)).min(1.0);
        let cosine = half_cosine(1.0, 0.0, share).max(0.0);
        when.base * ((1.0 - self.alpha) * libm::pow(cosine, self.exponent) + self.alpha)
    }
}

settings! {
    /// Cosine decay that starts again with longer and longer periods (SGDR). Loshchilov & Hutter 2017, arXiv:1608.03983.
    pub struct CosineRestarts {
        /// steps of the first period
        t_0: usize = 200, 1..=limits::STEPS;
        /// how many times longer each period is than the one before
        t_mult: usize = 2, 1..=1000;
        /// the lowest rate
        eta_min: f64 = 0.0, 0.0..=1e6;
    }
}

impl Schedule for CosineRestarts {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let (mut t, mut period) = (when.t, self.t_0 as u64);
        if self.t_mult == 1 {
            t %= period;
        }
        while t >= period {
            t -= period;
            period = period.saturating_mul(self.t_mult as u64);
        }
        half_cosine(when.base, self.eta_min, t as f64 / period as f64)
    }
}

settings! {
    /// From init_value up to b in a line, then down to end_value along a cosine: optax's warm-up cosine decay.
    pub struct WarmupCosine {
        /// steps of the rise
        warmup_steps: usize = 100, 0..=limits::STEPS;
        /// steps in all, the rise included; default: the whole run
        decay_steps: Option<usize> = None, 1..=limits::STEPS;
        /// rate of the first step
        init_value: f64 = 0.0, 0.0..=1e6;
        /// rate at the end
        end_value: f64 = 0.0, 0.0..=1e6;
    }
}

impl Schedule for WarmupCosine {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let (t, warmup) = (when.t as f64, self.warmup_steps as f64);
        if t < warmup {
            return self.init_value + (when.base - self.init_value) * t / warmup;
        }
        let decay = (length(self.decay_steps, when) - warmup).max(1.0);
        half_cosine(when.base, self.end_value, ((t - warmup) / decay).min(1.0))
    }
}
