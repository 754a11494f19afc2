//! Weights averaged over the steps: lanes can be evaluated at this smoother point.

use crate::engine::kernel;
use crate::registry::settings;

settings! {
    /// Evaluates at an exponential moving average of the weights. Polyak & Juditsky 1992; Izmailov et al. 2018, arXiv:1803.05407.
    pub struct WeightAverage {
        /// share of the average that stays at each step; 0 averages nothing (0.99 looks back some 100 steps)
        decay: f64 = 0.0, 0.0..1.0;
    }
}

impl WeightAverage {
    /// Whether weights are averaged.
    pub fn active(&self) -> bool {
        self.decay > 0.0
    }

    /// average ← d average + (1-d) weights after step t (from 1).
    ///
    /// # Notes
    /// d = min(decay, (1+t)/(10+t)), TensorFlow's `num_updates`, so that the initial weights are soon forgotten.
    /// Running statistics of normalisations are not averaged: evaluation uses those of training.
    pub fn update(&self, average: &mut [f32], weights: &[f32], t: u64) {
        let keep = self.decay.min((1 + t) as f64 / (10 + t) as f64);
        let take = (1.0 - keep) as f32;
        kernel::update1(
            average,
            weights,
            #[inline(always)]
            |a, w| take.mul_add(w - a, a),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_with_the_decay_it_was_given() {
        let by = WeightAverage { decay: 0.5 };
        let mut average = [0.0, 4.0];
        by.update(&mut average, &[1.0, 4.0], 1000);
        assert_eq!(average, [0.5, 4.0]);
        by.update(&mut average, &[1.0, 4.0], 1001);
        assert_eq!(average, [0.75, 4.0]);
        // At the first step the average takes most of the new weights.
        let mut young = [0.0];
        WeightAverage { decay: 0.999 }.update(&mut young, &[1.0], 1);
        assert!((young[0] - 9.0 / 11.0).abs() < 1e-6, "{young:?}");
    }
}
