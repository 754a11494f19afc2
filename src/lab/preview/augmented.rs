//! A sample under the augmentations of a lane, several times over. A pure function.

use super::{DataShape, Probe, ProbeInput, ProbeParts, Renewal, image, scalar};
use crate::engine::augment::{self, AugmentConfig};
use std::sync::Arc;

/// Most draws that are shown.
const DRAWS: usize = 63;

/// A validation sample under the lane's augmentations.
///
/// Parts, all images: the unchanged `image`, then `draw 0`, `draw 1` ...; and the scalars `sample` and `samples`.
pub(super) const AUGMENTED: Probe = Probe {
    renewal: Renewal::Change,
    take: |lane, _| Some(Arc::new(lane.trainer.recipe().augment.clone())),
    ..Probe::new(
        "augmented",
        "validation sample `sample` as it is, and in `number` draws of the lane's augmentations",
        "no pass; a draw for each image",
        &[DataShape::Image, DataShape::Scalar],
        |peek, view, _| augmented(peek, peek.taken::<Vec<AugmentConfig>>(view)?, view.index(), view.number),
    )
};

/// The sample itself, and its augmented forms in successive epochs.
fn augmented(peek: &ProbeInput, by: &[AugmentConfig], sample: usize, draws: usize) -> Option<ProbeParts> {
    let samples = &peek.data.validation;
    let sample = sample % samples.len().max(1);
    let next = (sample + 1) % samples.len().max(1);
    let size = samples.shape.size();
    let mut parts: ProbeParts = vec![("image".into(), image(peek, samples.input(sample), false)?)];
    let outside: Vec<f32> = peek.data.range.iter().map(|r| r.0).collect();
    let mut scratch = vec![0.0; size];
    for epoch in 0..draws.min(DRAWS).min(if by.is_empty() { 0 } else { DRAWS }) {
        // A second sample, for augmentations that mix two samples.
        let mut inputs = [samples.input(sample), samples.input(next)].concat();
        let mut batch = augment::AugmentBatch {
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
        augment::apply(by, &mut batch);
        parts.push((format!("draw {epoch}"), image(peek, &inputs[..size], false)?));
    }
    parts.extend([scalar("sample", sample as f64), scalar("samples", samples.len() as f64)]);
    Some(parts)
}
