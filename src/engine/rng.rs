//! Randomness without state: every draw is a function of (seed, purpose, step, index).
//!
//! The key of a stream contains its purpose, never its caller, so no number depends on other lanes, on the number of
//! threads or on a reset. Knows no network and no data.

use rand::{RngExt as _, SeedableRng as _};

/// The purpose of a random stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights.
    Init = 1,
    /// The order of samples in an epoch.
    Shuffle,
    /// The split into training and validation samples.
    Split,
    /// Generated data sets.
    Data,
    /// Augmentation of inputs.
    Augment,
    /// Dropout masks.
    Dropout,
    /// Noise on inputs, gradients or labels.
    Noise,
    /// Random starts of attacks.
    Attack,
    /// Random directions of measurements.
    Probe,
}

/// A stream of random numbers: `ChaCha8` keyed by its purpose.
#[derive(Clone, Debug)]
pub struct Stream(rand_chacha::ChaCha8Rng);

impl Stream {
    /// The stream of (seed, purpose, step, index).
    pub fn new(seed: u64, purpose: Purpose, step: u64, index: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, purpose as u64, step, index]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(rand_chacha::ChaCha8Rng::from_seed(key))
    }

    /// Skips to the `n`-th 32-bit draw, so that parts of a stream can be drawn separately.
    pub fn seek(&mut self, n: u64) {
        self.0.set_word_pos(u128::from(n));
    }

    /// A 32-bit draw.
    pub fn bits(&mut self) -> u32 {
        self.0.random()
    }

    /// Uniform in [0, 1), a multiple of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Standard normal (Box & Muller 1958), from two draws.
    pub fn normal(&mut self) -> f32 {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = libm::sqrtf(-2.0 * libm::logf(1.0 - self.unit()));
        radius * libm::cosf(std::f32::consts::TAU * self.unit())
    }

    /// Uniform in 0..n (n > 0), without bias (Lemire 2019, arXiv:1805.10941).
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.bits()) * u64::from(n);
        if (product as u32) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u32) < threshold {
                product = u64::from(self.bits()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// Shuffles in place (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.swaps(items.len()).for_each(|(i, j)| items.swap(i, j));
    }

    /// The swaps that shuffle `n` items, one after another; the second place is never behind the first.
    pub fn swaps(&mut self, n: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        (1..n).rev().map(|i| (i, self.below(i as u32 + 1) as usize))
    }
}

/// A stable 64-bit hash of words, to turn shapes and names into an index (`SplitMix64` finaliser).
pub fn hash(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0x9E37_79B9_7F4A_7C15, |h, w| {
        let mut z = (h ^ w).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_all_four_parts_of_its_key() {
        let first = |s, p, t, i| Stream::new(s, p, t, i).bits();
        let base = first(1, Purpose::Init, 2, 3);
        assert_eq!(base, first(1, Purpose::Init, 2, 3));
        for other in [
            first(2, Purpose::Init, 2, 3),
            first(1, Purpose::Noise, 2, 3),
            first(1, Purpose::Init, 3, 3),
            first(1, Purpose::Init, 2, 4),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn seeking_gives_the_same_numbers_as_drawing() {
        let mut drawn = Stream::new(7, Purpose::Dropout, 0, 0);
        let numbers: Vec<u32> = (0..100).map(|_| drawn.bits()).collect();
        let mut sought = Stream::new(7, Purpose::Dropout, 0, 0);
        sought.seek(63);
        assert_eq!(sought.bits(), numbers[63]);
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut s = Stream::new(3, Purpose::Noise, 0, 0);
        let n = 100_000;
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let x = f64::from(s.normal());
            sum += x;
            square += x * x;
        }
        // Five standard errors.
        assert!((sum / f64::from(n)).abs() < 0.016, "mean {}", sum / f64::from(n));
        assert!((square / f64::from(n) - 1.0).abs() < 0.023, "variance {}", square / f64::from(n));
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..1000).collect();
        Stream::new(1, Purpose::Shuffle, 0, 0).shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }
}
