//! The range test of a learning rate: one step at each of many learning rates, from small to large, and a suggestion.
//!
//! # Reference
//! Smith, Cyclical learning rates for training neural networks, 2017, arXiv:1506.01186.

use super::trainer::Trainer;
use crate::engine::schedule::basic::Constant;

/// The smallest and the largest learning rate.
const RATES: (f64, f64) = (1e-7, 10.0);
/// Weight of the newest loss in the mean, which smooths the noise of single batches.
const NEWEST: f64 = 0.2;
/// The test ends when the mean is this many times the smallest mean.
const RUN_AWAY: f64 = 4.0;
/// The smallest relative decrease of the loss that counts as learning.
const FALL: f64 = 0.02;

/// A decrease of this many standard deviations of a smoothed loss is not due to chance.
const CHANCE: f64 = 4.0;

/// The result of a range test.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeTest {
    /// The learning rates, ascending.
    pub rates: Vec<f32>,
    /// The loss of the batch after the step at each rate.
    pub losses: Vec<f32>,
    /// The smoothed losses.
    pub means: Vec<f32>,
    /// The mean loss over the smallest rates, which hardly change the weights.
    pub first: f64,
    /// The largest rate at which the smoothed loss was as low as its minimum, up to the noise of batches.
    pub least: f64,
    /// The smoothed loss at the rate `least`.
    pub mean: f64,
    /// A tenth of `least`, if the loss decreased by more than the noise.
    pub suggested: Option<f64>,
    /// The rate at which the loss diverged, if it did.
    pub away: Option<f64>,
}

impl RangeTest {
    /// Makes this many steps with the trainer, which cannot be used afterwards; `None` if no loss is finite.
    pub fn test(trainer: &mut Trainer, steps: usize) -> Option<Self> {
        let mut recipe = trainer.recipe().clone();
        recipe.schedule = Constant::default().into();
        let span = libm::log(RATES.1 / RATES.0);
        let rate = |i: usize| RATES.0 * libm::exp(span * (i as f64 / steps as f64));
        let (mut rates, mut losses, mut means) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sum, mut mass, mut away) = (0.0, 0.0, None);
        for i in 0..=steps {
            recipe.optimizer.set_lr(rate(i));
            trainer.set(recipe.clone()).ok()?;
            let loss = trainer.step(false).map_or(f64::NAN, |result| f64::from(result.loss));
            // This loss is the result of the step before.
            if i > 0 {
                sum += NEWEST * (loss - sum);
                mass += NEWEST * (1.0 - mass);
                let least = means.iter().copied().fold(f64::INFINITY, f64::min);
                rates.push(rate(i - 1));
                losses.push(loss);
                means.push(sum / mass);
                // NaN ends it as well, because comparisons with NaN are false.
                let stays = sum / mass <= RUN_AWAY * least.abs().max(f64::MIN_POSITIVE);
                if !stays {
                    away = rates.last().copied();
                    break;
                }
            }
        }
        // The smallest rates hardly change the weights: their losses show how much single batches differ.
        let calm = &losses[..losses.len().div_ceil(4)];
        let count = calm.len().max(1) as f64;
        let first = calm.iter().sum::<f64>() / count;
        let variance = calm.iter().map(|l| (l - first).powi(2)).sum::<f64>() / count;
        let noise = (variance * NEWEST / (2.0 - NEWEST)).sqrt();
        let lowest = means.iter().copied().filter(|m| m.is_finite()).min_by(f64::total_cmp)?;
        // Choose the largest rate whose mean loss is within the noise of the lowest one.
        let place = means.iter().rposition(|&m| m <= lowest + noise)?;
        let least = rates[place];
        // The lowest of many means lies some deviations below their mean by chance.
        let falls = first - lowest > (FALL * first.abs()).max(CHANCE * noise);
        let single = |all: &[f64]| all.iter().map(|&x| x as f32).collect();
        Some(Self {
            suggested: falls.then(|| rounded(least / 10.0)),
            first,
            least,
            mean: means[place],
            away,
            rates: single(&rates),
            losses: single(&losses),
            means: single(&means),
        })
    }
}

/// Rounds to one digit, because a suggestion is not a measurement.
fn rounded(x: f64) -> f64 {
    format!("{x:.0e}").parse().unwrap_or(x)
}
