//! Gaussian noise on the gradient that fades with the steps.

use crate::engine::layer::Fill;
use crate::engine::network::Slot;
use crate::engine::rng::{self, Purpose, Stream};
use crate::registry::settings;

settings! {
    /// Adds N(0, η/(1+t)^γ) to each entry of the gradient at step t. Neelakantan et al. 2015, arXiv:1511.06807.
    pub struct GradientNoise {
        /// variance η at the first step; 0 adds nothing (the paper tries 0.01, 0.3 and 1)
        eta: f64 = 0.0, 0.0..=1e6;
        /// power γ with which the variance fades
        gamma: f64 = 0.55, 0.0..=10.0;
    }
}

/// The key of each tensor's noise: its shape, and its index among the tensors of that shape, so that networks get the
/// same noise for tensors of the same shape.
pub fn keys(slots: &[Slot]) -> Vec<u64> {
    let same = |a: &Slot, b: &Slot| {
        a.shape == b.shape && matches!(a.fill, Fill::Init { .. }) == matches!(b.fill, Fill::Init { .. })
    };
    let key = |(i, slot): (usize, &Slot)| {
        let nth = slots[..i].iter().filter(|other| same(other, slot)).count() as u64;
        let learned = u64::from(matches!(slot.fill, Fill::Init { .. }));
        rng::hash(slot.shape.iter().map(|&n| n as u64).chain([learned, nth]))
    };
    slots.iter().enumerate().map(key).collect()
}

impl GradientNoise {
    /// Standard deviation at step t, from 0.
    pub fn std(&self, t: u64) -> f64 {
        (self.eta / libm::pow(1.0 + t as f64, self.gamma)).sqrt()
    }

    /// Adds the noise of step t to the gradient of these tensors, whose [`keys`] are given. Allocates nothing.
    ///
    /// # Notes
    /// To be called after clipping, so that the clip bounds the gradient and not the noise.
    pub fn add(&self, grads: &mut [f32], slots: &[Slot], keys: &[u64], seed: u64, t: u64) {
        if self.eta == 0.0 {
            return;
        }
        let std = self.std(t) as f32;
        for (slot, &key) in slots.iter().zip(keys) {
            let mut draws = Stream::new(seed, Purpose::Noise, t, key);
            for g in &mut grads[slot.range.clone()] {
                *g += std * draws.normal();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(range: std::ops::Range<usize>) -> Slot {
        let fill = Fill::Init { fan_in: 1, fan_out: 1 };
        Slot { layer: 0, name: "weight", shape: vec![range.len() / 10, 10], range, fill }
    }

    #[test]
    fn the_variance_fades_as_in_the_paper() {
        let noise = GradientNoise { eta: 0.3, gamma: 0.55 };
        let slots = [slot(0..20_000)];
        for t in [0u64, 9, 99] {
            let mut grads = vec![1.0f32; 20_000];
            noise.add(&mut grads, &slots, &keys(&slots), 7, t);
            let n = grads.len() as f64;
            let mean = grads.iter().map(|&g| f64::from(g) - 1.0).sum::<f64>() / n;
            let variance = grads.iter().map(|&g| (f64::from(g) - 1.0).powi(2)).sum::<f64>() / n;
            let wanted = 0.3 / libm::pow(1.0 + t as f64, 0.55);
            assert!(mean.abs() < 5.0 * (wanted / n).sqrt(), "{t}: mean {mean}");
            assert!((variance / wanted - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{t}: {variance} {wanted}");
        }
    }

    #[test]
    fn tensors_of_one_shape_get_the_same_noise_in_every_network() {
        let (short, long) = ([slot(0..50)], [slot(0..30), slot(30..80), slot(80..130)]);
        let noise = GradientNoise { eta: 1.0, ..GradientNoise::default() };
        let (mut a, mut b) = (vec![0.0; 50], vec![0.0; 130]);
        noise.add(&mut a, &short, &keys(&short), 1, 3);
        noise.add(&mut b, &long, &keys(&long), 1, 3);
        assert_eq!(a, b[30..80]);
        assert_ne!(a, b[80..130], "the second of a shape has noise of its own");
        let mut none = vec![0.5; 50];
        GradientNoise::default().add(&mut none, &short, &keys(&short), 1, 3);
        assert_eq!(none, vec![0.5; 50]);
    }
}
