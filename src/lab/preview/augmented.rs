//! A sample under the augmentations of a lane, several times over. A pure function.

use super::{Parts, image, scalar};
use crate::engine::augment;
use crate::lab::run::Peek;

/// Draws that are shown at most.
const DRAWS: usize = 63;

/// The sample as it is and as so many epochs would show it.
pub(super) fn augmented(peek: &Peek, sample: usize, draws: usize) -> Option<Parts> {
    let samples = &peek.data.validation;
    let sample = sample % samples.len().max(1);
    let next = (sample + 1) % samples.len().max(1);
    let size = samples.shape.size();
    let mut parts: Parts = vec![("image".into(), image(peek, samples.input(sample), false)?)];
    let outside: Vec<f32> = peek.data.range.iter().map(|r| r.0).collect();
    let mut scratch = vec![0.0; size];
    for epoch in 0..draws.min(DRAWS).min(if peek.augment.is_empty() { 0 } else { DRAWS }) {
        // A second sample, for those that mix.
        let mut inputs = [samples.input(sample), samples.input(next)].concat();
        let mut batch = augment::Batch {
            shape: samples.shape,
            inputs: &mut inputs,
            targets: &mut [],
            outside: &outside,
            scratch: &mut scratch,
            samples: &[sample as u32, next as u32],
            seed: peek.seed,
            epoch: epoch as u64,
            salt: 0,
        };
        augment::apply(&peek.augment, &mut batch);
        parts.push((format!("draw {epoch}"), image(peek, &inputs[..size], false)?));
    }
    parts.extend([scalar("sample", sample as f64), scalar("samples", samples.len() as f64)]);
    Some(parts)
}
