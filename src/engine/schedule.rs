//! Learning rate schedules: the table. A schedule is a function of the step; only the plateau rule has memory.

use crate::registry::registry;

pub mod basic;
pub mod cosine;
pub mod cycle;
pub mod decay;
pub mod plateau;
pub mod warmup;

/// The point of a run for which a rate is asked.
#[derive(Clone, Copy, Debug)]
pub struct SchedulePoint {
    /// The optimizer's own learning rate.
    pub base: f64,
    /// The step, from 0.
    pub t: u64,
    /// Steps of the whole run, the default length of a decay.
    pub total: u64,
}

/// Numbers that a schedule keeps between steps; they belong to a snapshot.
pub type ScheduleMemory = [f64; 4];

/// A rule for the learning rate.
pub trait Schedule: Send + Sync {
    /// The rate of step `when.t`.
    fn lr(&self, when: SchedulePoint, memory: &ScheduleMemory) -> f64;

    /// Takes the validation loss (or accuracy) after an evaluation into account.
    fn report(&self, _base: f64, _metric: f64, _memory: &mut ScheduleMemory) {}

    /// Whether it uses evaluations at all.
    fn listens(&self) -> bool {
        false
    }
}

/// A length in steps: the given one, or that of the whole run; never 0.
pub(crate) fn length(set: Option<usize>, when: SchedulePoint) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SettingValue as _;

    fn rates(text: &str, base: f64, total: u64) -> Vec<f64> {
        let schedule = ScheduleConfig::parse(text).expect(text);
        (0..total)
            .map(|t| schedule.lr(SchedulePoint { base, t, total }, &ScheduleMemory::default()))
            .collect()
    }

    #[test]
    fn a_length_that_is_left_out_is_that_of_the_run() {
        for (open, set) in [
            ("Cosine()", "Cosine(t_max: 40)"),
            ("CosineClamped(alpha: 0.1)", "CosineClamped(alpha: 0.1, decay_steps: 40)"),
            ("WarmupCosine(warmup_steps: 5)", "WarmupCosine(warmup_steps: 5, decay_steps: 40)"),
            ("OneCycle()", "OneCycle(total_steps: 40)"),
            ("Polynomial()", "Polynomial(total_iters: 40)"),
            (
                "PolynomialEnd(transition_begin: 8)",
                "PolynomialEnd(transition_begin: 8, transition_steps: 32)",
            ),
            ("Linear()", "Linear(total_iters: 40)"),
        ] {
            assert_eq!(rates(open, 0.3, 40), rates(set, 0.3, 40), "{open}");
            assert_ne!(rates(open, 0.3, 40), rates(open, 0.3, 50)[..40], "{open}");
        }
    }

    #[test]
    fn every_rate_is_a_number_in_proportion_to_the_base_and_stays_so_beyond_the_run() {
        for schedule in ScheduleConfig::all() {
            for total in [0, 1, 2, 3, 1000] {
                for t in [0, 1, 2, 3, 999, 1000, 5000] {
                    let rate =
                        |base| schedule.lr(SchedulePoint { base, t, total }, &ScheduleMemory::default());
                    let one = rate(1.0);
                    assert!(one.is_finite() && one >= 0.0, "{} {one} at {t} of {total}", schedule.name());
                    // No default is an absolute rate other than 0.
                    assert!((rate(0.1) - 0.1 * one).abs() < 1e-15, "{}", schedule.name());
                }
            }
        }
    }

    #[test]
    fn a_warm_up_leads_to_where_the_next_schedule_begins() {
        let plain = rates("Cosine()", 0.2, 90);
        let warmed = rates("Warmup(steps: 10, then: Cosine())", 0.2, 100);
        assert_eq!(warmed[10..], plain);
        for (t, rate) in warmed[..10].iter().enumerate() {
            assert!((rate - 0.02 * t as f64).abs() < 1e-15);
        }
    }

    #[test]
    fn a_plateau_inside_a_warm_up_hears_the_reports() {
        let text = "Warmup(steps: 2, then: ReduceOnPlateau(factor: 0.5, patience: 0))";
        let schedule = ScheduleConfig::parse(text).expect(text);
        let mut memory = ScheduleMemory::default();
        for metric in [1.0, 2.0, 3.0] {
            schedule.report(0.8, metric, &mut memory);
        }
        let after = schedule.lr(SchedulePoint { base: 0.8, t: 50, total: 100 }, &memory);
        assert!((after - 0.2).abs() < 1e-12, "{after}");
    }
}
