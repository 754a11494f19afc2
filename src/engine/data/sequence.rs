//! Generated sequences: tasks that require a network to remember.

use super::toy::draws;
use super::{Dataset, Files, Labels, Samples, Source, SourceError, budget};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

/// The longest sequence.
const LENGTH: usize = 10_000;
/// Symbols that the copy task shows.
const SYMBOLS: usize = 10;
/// Different symbols of the copy task: blank, eight letters, the signal.
const ALPHABET: usize = 10;

fn sequences(steps: usize, features: usize, inputs: Vec<f32>, labels: Labels) -> Dataset {
    let samples = Samples { shape: Shape::Sequence { steps, features }, inputs, labels };
    samples.into()
}

settings! {
    /// Adding problem: two of the numbers are marked, one in each half; the label is their sum. Hochreiter & Schmidhuber 1997.
    pub struct Adding {
        /// samples in all
        samples: usize = 2000, 2..=limits::SAMPLES;
        /// time steps
        length: usize = 50, 2..=LENGTH;
    }
}

impl Source for Adding {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        budget(self.samples, 2 * self.length)?;
        let mut rng = draws(seed);
        let mut inputs = vec![0.0; self.samples * 2 * self.length];
        let mut of = Vec::with_capacity(self.samples);
        let half = (self.length / 2) as u32;
        for sample in inputs.chunks_exact_mut(2 * self.length) {
            for step in sample.chunks_exact_mut(2) {
                step[0] = rng.unit();
            }
            let first = rng.below(half) as usize;
            let second = half as usize + rng.below(self.length as u32 - half) as usize;
            sample[2 * first + 1] = 1.0;
            sample[2 * second + 1] = 1.0;
            of.push(sample[2 * first] + sample[2 * second]);
        }
        Ok(sequences(self.length, 2, inputs, Labels::Values { of, shape: Shape::Flat(1) }))
    }
}

settings! {
    /// Copy task: ten symbols, a long silence, a signal, then the ten symbols again. Hochreiter & Schmidhuber 1997.
    pub struct Copy {
        /// samples in all
        samples: usize = 1000, 2..=limits::SAMPLES;
        /// time steps between the last symbol and the signal to repeat them, the signal included
        delay: usize = 10, 1..=LENGTH;
    }
}

impl Source for Copy {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let steps = self.delay + 2 * SYMBOLS;
        budget(self.samples, steps * ALPHABET)?;
        let mut rng = draws(seed);
        let mut inputs = vec![0.0; self.samples * steps * ALPHABET];
        let mut of = vec![0u32; self.samples * steps];
        let samples = inputs.chunks_exact_mut(steps * ALPHABET).zip(of.chunks_exact_mut(steps));
        for (sample, labels) in samples {
            for (t, step) in sample.chunks_exact_mut(ALPHABET).enumerate() {
                let symbol = match t {
                    _ if t < SYMBOLS => {
                        let symbol = 1 + rng.below(ALPHABET as u32 - 2);
                        labels[t + SYMBOLS + self.delay] = symbol;
                        symbol as usize
                    }
                    _ if t + 1 == SYMBOLS + self.delay => ALPHABET - 1,
                    _ => 0,
                };
                step[symbol] = 1.0;
            }
        }
        let names =
            std::iter::once("blank".to_string()).chain((1..ALPHABET - 1).map(|s| s.to_string())).collect();
        Ok(sequences(steps, ALPHABET, inputs, Labels::StepClasses { of, names }))
    }
}

settings! {
    /// Parity: at every step, whether the number of ones so far is odd.
    pub struct Parity {
        /// samples in all
        samples: usize = 1000, 2..=limits::SAMPLES;
        /// time steps
        length: usize = 16, 1..=LENGTH;
    }
}

impl Source for Parity {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        budget(self.samples, self.length)?;
        let mut rng = draws(seed);
        let mut inputs = Vec::with_capacity(self.samples * self.length);
        let mut of = Vec::with_capacity(self.samples * self.length);
        for _ in 0..self.samples {
            let mut parity = 0;
            for _ in 0..self.length {
                let bit = rng.below(2);
                parity ^= bit;
                inputs.push(bit as f32);
                of.push(parity);
            }
        }
        let names = vec!["even".into(), "odd".into()];
        Ok(sequences(self.length, 1, inputs, Labels::StepClasses { of, names }))
    }
}

settings! {
    /// Delayed echo: the number of some steps ago, 0 before there is one.
    pub struct DelayedEcho {
        /// samples in all
        samples: usize = 1000, 2..=limits::SAMPLES;
        /// time steps
        length: usize = 20, 1..=LENGTH;
        /// how many steps ago
        delay: usize = 5, 0..=LENGTH;
    }
}

impl Source for DelayedEcho {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        budget(self.samples, self.length)?;
        let mut rng = draws(seed);
        let inputs: Vec<f32> = (0..self.samples * self.length).map(|_| rng.uniform(-1.0, 1.0)).collect();
        let echo =
            |(i, _): (usize, &f32)| if i % self.length < self.delay { 0.0 } else { inputs[i - self.delay] };
        let of = inputs.iter().enumerate().map(echo).collect();
        let shape = Shape::Sequence { steps: self.length, features: 1 };
        Ok(sequences(self.length, 1, inputs, Labels::Values { of, shape }))
    }
}
