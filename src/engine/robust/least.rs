//! The least size with which an attack fools a network for one sample: searched from scratch, or tracked during
//! training.
//!
//! Knows no lane and no clock; the caller decides how often to track.

use crate::engine::attack::{AttackConfig, AttackTask, Victim};

/// Whether an attack of this size fools the network for the first sample of a task; `adv` holds one sample.
fn fools(
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    attack: &AttackConfig,
    eps: f64,
    adv: &mut [f32],
) -> bool {
    let task = task.part(0..1, victim.size());
    adv.copy_from_slice(task.x);
    if eps > 0.0 {
        let Some(attack) = attack.clone().with_eps(eps) else { return false };
        attack.perturb(victim, &task, adv);
    }
    (victim.answers(adv, 0)[0] == Some(task.classes[0])) == task.targeted
}

/// The least size, up to `resolution`, with which an attack fools the network for the first sample of a task.
///
/// The size doubles from `resolution` until the network is fooled, then bisection narrows the last doubling. The
/// returned size does fool it; smaller ones may too if success is not monotonic in the size (FGSM can overshoot). 0 if
/// the network errs without an attack, `None` if nothing up to `max` fools it. Costs about 2 log2(max/resolution)
/// attacks.
pub fn smallest_eps(
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    attack: &AttackConfig,
    max: f64,
    resolution: f64,
) -> Option<f64> {
    smallest_eps_near(victim, task, attack, max, resolution, None)
}

/// The same, searched from a size that may be near: then it takes only a few attacks.
pub fn smallest_eps_near(
    victim: &mut Victim<'_>,
    task: &AttackTask<'_>,
    attack: &AttackConfig,
    max: f64,
    resolution: f64,
    hint: Option<f64>,
) -> Option<f64> {
    let mut adv = vec![0.0; victim.size()];
    let mut fools = |eps| fools(victim, task, attack, eps, &mut adv);
    if fools(0.0) {
        return Some(0.0);
    }
    let (mut holds, mut breaks) = (0.0, resolution.min(max));
    if let Some(hint) = hint.filter(|hint| *hint > resolution && *hint <= max) {
        // The search widens around the hint until one end fails and the other succeeds.
        let (mut reach, mut at) = (resolution, hint);
        if fools(hint) {
            loop {
                breaks = at;
                at = (at - reach).max(0.0);
                holds = at;
                if at == 0.0 || !fools(at) {
                    break;
                }
                reach *= 2.0;
            }
        } else {
            while !fools(at) {
                if at >= max {
                    return None;
                }
                holds = at;
                at = (at + reach).min(max);
                reach *= 2.0;
            }
            breaks = at;
        }
    }
    while !fools(breaks) {
        if breaks >= max {
            return None;
        }
        (holds, breaks) = (breaks, (2.0 * breaks).min(max));
    }
    while breaks - holds > resolution {
        let middle = f64::midpoint(holds, breaks);
        if middle <= holds || middle >= breaks {
            break;
        }
        if fools(middle) { breaks = middle } else { holds = middle }
    }
    Some(breaks)
}

/// Two sizes around the least one. At their last trial the smaller failed and the larger fooled the network; or an end
/// was moved because the least size seems to have changed since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeBracket {
    holds: f64,
    /// Infinite if no size fooled it.
    breaks: f64,
    max: f64,
    resolution: f64,
    /// How far an end is moved if it turns out wrong.
    reach: f64,
    /// Whether the lower end was tried last.
    lower: bool,
    /// Whether that end has moved since it was tried.
    moved: bool,
}

impl SizeBracket {
    /// A bracket around the result of [`smallest_eps`] with the same `max` and `resolution`.
    pub fn around(least: Option<f64>, max: f64, resolution: f64) -> Self {
        let breaks = least.unwrap_or(f64::INFINITY);
        let holds = if least.is_some() { (breaks - resolution).max(0.0) } else { max };
        Self { holds, breaks, max, resolution, reach: resolution, lower: false, moved: false }
    }

    /// The upper end of the bracket; `None` if no size up to the greatest one fooled the network.
    pub fn least(&self) -> Option<f64> {
        self.breaks.is_finite().then_some(self.breaks)
    }

    /// Tracks the least size of a network that has changed a little, with one attack per call. 0 if the network errs
    /// without an attack.
    pub fn follow(
        &mut self,
        victim: &mut Victim<'_>,
        task: &AttackTask<'_>,
        attack: &AttackConfig,
    ) -> Option<f64> {
        let mut adv = vec![0.0; victim.size()];
        self.narrow(|eps| fools(victim, task, attack, eps, &mut adv))
    }

    /// Tries one size: the middle of a wide bracket, otherwise its ends in turn. An end that has become wrong is moved
    /// out, twice as far each time.
    fn narrow(&mut self, mut fools: impl FnMut(f64) -> bool) -> Option<f64> {
        if fools(0.0) {
            return Some(0.0);
        }
        let middle = f64::midpoint(self.holds, self.breaks);
        let wide = self.breaks - self.holds > self.resolution * 1.001;
        if self.breaks.is_infinite() {
            if fools(self.max) {
                (self.holds, self.breaks) = (0.0, self.max);
            }
        } else if wide && !self.moved && middle > self.holds && middle < self.breaks {
            if fools(middle) { self.breaks = middle } else { self.holds = middle }
        } else {
            // An end that was just moved is tried first.
            self.lower ^= !self.moved;
            let at = if self.lower { self.holds } else { self.breaks };
            self.moved = (at > 0.0 && fools(at)) == self.lower;
            if !self.moved {
                self.reach = self.resolution;
            } else if self.lower {
                (self.holds, self.breaks) = ((at - self.reach).max(0.0), at);
                self.reach *= 2.0;
            } else if at < self.max {
                (self.holds, self.breaks) = (at, (at + self.reach).min(self.max));
                self.reach *= 2.0;
            } else {
                *self = Self::around(None, self.max, self.resolution);
            }
        }
        self.least()
    }
}

#[cfg(test)]
mod tests {
    use super::SizeBracket;

    const RESOLUTION: f64 = 1.0 / 512.0;

    /// Tracks a known least size; returns the last result and the most attacks in one call.
    fn followed(
        bracket: &mut SizeBracket,
        calls: usize,
        least: impl Fn(usize) -> f64,
    ) -> (Option<f64>, usize) {
        let (mut said, mut most) = (None, 0);
        for call in 0..calls {
            let mut attacks = 0;
            said = bracket.narrow(|eps| {
                attacks += usize::from(eps > 0.0);
                eps >= least(call)
            });
            most = most.max(attacks);
        }
        (said, most)
    }

    #[test]
    fn a_least_size_that_moves_is_followed_with_one_attack_a_call() {
        let mut bracket = SizeBracket::around(Some(0.1), 1.0, RESOLUTION);
        for (to, calls) in [(0.1, 5), (0.3, 40), (0.02, 40), (0.9, 40), (0.0001, 60), (0.05, 40)] {
            let (said, most) = followed(&mut bracket, calls, |_| to);
            let said = said.expect("it is fooled");
            assert!(
                said >= to && said - to <= 1.01 * RESOLUTION && most == 1,
                "{said} for {to}, {most} attacks"
            );
        }
    }

    #[test]
    fn what_drifts_is_never_far_from_what_is_said() {
        let mut bracket = SizeBracket::around(Some(0.05), 1.0, RESOLUTION);
        let drift = |call: usize| 0.05 + 0.0005 * call as f64;
        for call in 0..400 {
            let (said, _) = followed(&mut bracket, 1, |_| drift(call));
            let error = (said.expect("it is fooled") - drift(call)).abs();
            assert!(error < 8.0 * RESOLUTION, "{error} at {call}");
        }
    }

    #[test]
    fn a_network_that_nothing_fools_and_one_that_errs_by_itself() {
        let mut bracket = SizeBracket::around(None, 1.0, RESOLUTION);
        assert_eq!(followed(&mut bracket, 3, |_| 2.0), (None, 1));
        let (said, _) = followed(&mut bracket, 30, |_| 0.7);
        assert!((said.expect("fooled now") - 0.7).abs() < 1.01 * RESOLUTION, "{said:?}");
        assert_eq!(followed(&mut bracket, 2, |_| 0.0), (Some(0.0), 0), "no attack is needed");
        assert_eq!(followed(&mut bracket, 40, |_| 2.0).0, None, "and it can be lost again");
    }
}
