//! Randomised smoothing: a prediction by majority over noisy copies of the input.

use crate::engine::attack::{RandomKey, Victim, predicted};
use crate::engine::rng::Purpose;
use crate::registry::settings;

settings! {
    /// Prediction by the majority over inputs with Gaussian noise. Cohen et al. 2019, arXiv:1902.02918.
    ///
    /// # Notes
    /// The noise is not clamped to the valid range, as in the paper. No radius is certified and nothing abstains.
    pub struct Smoothing {
        /// standard deviation of the noise, in units of the inputs
        std: f64 = 0.25, 0.0..=1e6;
        /// noisy looks at each input
        draws: usize = 32, 1..=100_000;
    }
}

impl Smoothing {
    /// Counts the votes for each class, [samples, classes], for any number of samples.
    ///
    /// # Panics
    /// If `votes` has another length.
    pub fn votes(&self, victim: &mut Victim<'_>, x: &[f32], key: RandomKey, votes: &mut [u32]) {
        let (size, width) = (victim.size(), victim.classes());
        let at_once = victim.rows().min(self.draws);
        assert_eq!(votes.len() * size, x.len() * width, "votes of {} numbers", x.len());
        votes.fill(0);
        let mut looks = victim.borrow(at_once * size);
        for (row, (x, votes)) in x.chunks_exact(size).zip(votes.chunks_exact_mut(width)).enumerate() {
            let mut draw = key.stream(Purpose::Noise, row);
            for first in (0..self.draws).step_by(at_once) {
                if victim.left() {
                    break;
                }
                let looks = &mut looks[..at_once.min(self.draws - first) * size];
                for look in looks.chunks_exact_mut(size) {
                    for (look, x) in look.iter_mut().zip(x) {
                        *look = x + self.std as f32 * draw.normal();
                    }
                }
                for class in victim.logits(looks).chunks_exact(width).filter_map(predicted) {
                    votes[class as usize] += 1;
                }
            }
        }
        victim.restore(looks);
    }

    /// Writes the class of most votes for each sample, as [`Self::predict`] does, without allocating each time.
    pub(crate) fn answer(
        &self,
        victim: &mut Victim<'_>,
        x: &[f32],
        key: RandomKey,
        votes: &mut Vec<u32>,
        answers: &mut Vec<Option<u32>>,
    ) {
        let width = victim.classes();
        votes.clear();
        votes.resize(x.len() / victim.size() * width, 0);
        self.votes(victim, x, key, votes);
        answers.extend(votes.chunks_exact(width).map(majority));
    }

    /// The class of most votes for each sample, the first on ties; `None` if every copy gave NaN.
    pub fn predict(&self, victim: &mut Victim<'_>, x: &[f32], key: RandomKey) -> Vec<Option<u32>> {
        let width = victim.classes();
        let mut votes = vec![0; x.len() / victim.size() * width];
        self.votes(victim, x, key, &mut votes);
        votes.chunks_exact(width).map(majority).collect()
    }

    /// The share of samples whose majority is the label; NaN for no samples.
    pub fn accuracy(&self, victim: &mut Victim<'_>, x: &[f32], labels: &[u32], key: RandomKey) -> f64 {
        let predictions = self.predict(victim, x, key);
        let right = predictions.iter().zip(labels).filter(|&(p, label)| *p == Some(*label)).count();
        right as f64 / labels.len() as f64
    }
}

/// The class of most votes, the first on ties; `None` without a vote.
fn majority(votes: &[u32]) -> Option<u32> {
    let most = votes.iter().copied().max().filter(|&most| most > 0)?;
    votes.iter().position(|&v| v == most).map(|class| class as u32)
}
