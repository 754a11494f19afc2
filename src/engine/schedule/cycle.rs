//! Rates that rise and fall.

use super::{Schedule, ScheduleMemory, SchedulePoint, half_cosine, length};
use crate::limits;
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The shape of the transition between two rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cos,
    /// A straight line.
    Linear,
}
plain_values!(Anneal);

settings! {
    /// Up to b and far down again within one run (super-convergence). Smith & Topin 2018, arXiv:1708.07120.
    pub struct OneCycle {
        /// steps in all; default: the whole run
        total_steps: Option<usize> = None, 2..=limits::STEPS;
        /// share of the steps in which the rate rises
        pct_start: f64 = 0.3, 0.0..=1.0;
        /// the way from one rate to the next
        anneal_strategy: Anneal = Anneal::Cos;
        /// the first rate is b/div_factor
        div_factor: f64 = 25.0, 1e-6..=1e9;
        /// the last rate is the first one divided by this
        final_div_factor: f64 = 1e4, 1e-6..=1e12;
        /// down to the first rate as fast as up, then on to the last one
        three_phase: bool = false;
    }
}

impl Schedule for OneCycle {
    /// # Notes
    /// b is the highest rate. PyTorch can change the momentum in the opposite direction at the same time; here a
    /// schedule does not change an optimizer's momentum. After the last step the last rate stays.
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let total = length(self.total_steps, when);
        let (top, first) = (when.base, when.base / self.div_factor);
        let last = first / self.final_div_factor;
        let (peak, end) = (self.pct_start * total - 1.0, total - 1.0);
        let valley = 2.0 * self.pct_start * total - 2.0;
        let t = when.t as f64;
        let (from, until, a, b) = if t <= peak {
            (0.0, peak, first, top)
        } else if !self.three_phase {
            (peak.max(0.0), end, top, last)
        } else if t <= valley {
            (peak.max(0.0), valley, top, first)
        } else {
            (valley.max(0.0), end, first, last)
        };
        let share = if until > from { ((t - from) / (until - from)).min(1.0) } else { 1.0 };
        match self.anneal_strategy {
            Anneal::Cos => half_cosine(a, b, share),
            Anneal::Linear => a + (b - a) * share,
        }
    }
}

/// The change of the cycles' height over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CycleMode {
    /// Constant.
    #[default]
    Triangular,
    /// Each cycle is half as high as the one before.
    Triangular2,
    /// It shrinks by `gamma` at every step.
    ExpRange,
}
plain_values!(CycleMode);

settings! {
    /// Up from b to a multiple of it and down again, over and over. Smith 2017, arXiv:1506.01186.
    pub struct Cyclical {
        /// the highest rate, in units of b
        max_factor: f64 = 10.0, 0.0..=1e6;
        /// steps up
        step_size_up: usize = 100, 1..=limits::STEPS;
        /// steps down; default: as many as up
        step_size_down: Option<usize> = None, 1..=limits::STEPS;
        /// what becomes of the height
        mode: CycleMode = CycleMode::Triangular;
        /// factor on the height at every step, for `ExpRange`
        gamma: f64 = 1.0, 0.0..=1.0;
    }
}

impl Schedule for Cyclical {
    fn lr(&self, when: SchedulePoint, _: &ScheduleMemory) -> f64 {
        let up = self.step_size_up as u64;
        let down = self.step_size_down.map_or(up, |n| n as u64);
        let (cycle, at) = (when.t / (up + down), when.t % (up + down));
        let height = if at <= up { at as f64 / up as f64 } else { 1.0 - (at - up) as f64 / down as f64 };
        let factor = match self.mode {
            CycleMode::Triangular => 1.0,
            CycleMode::Triangular2 => libm::pow(0.5, cycle as f64),
            CycleMode::ExpRange => libm::pow(self.gamma, when.t as f64),
        };
        when.base + when.base * (self.max_factor - 1.0) * height * factor
    }
}
