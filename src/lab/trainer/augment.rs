//! Augmentation of a training batch: its memory and the key of its draws. Knows no network.

use super::batch::BatchTargets;
use crate::engine::augment::{self, AugmentConfig};
use crate::engine::data::Prepared;
use crate::engine::shape::Shape;
use crate::scenario::Recipe;

/// Memory for a training batch of this recipe; for shares of classes, if samples are mixed.
pub(super) fn batch(data: &Prepared, recipe: &Recipe, rows: usize) -> BatchTargets {
    let mixes = recipe.augment.iter().any(|a| a.mixes());
    if mixes { BatchTargets::mixed(&data.train, rows) } else { BatchTargets::new(&data.train, rows) }
}

/// The memory of augmentation beside a batch, allocated once.
#[derive(Debug)]
pub(super) struct Augmenter {
    shape: Shape,
    /// The value of black for every number of a sample.
    outside: Vec<f32>,
    scratch: Vec<f32>,
}

impl Augmenter {
    pub(super) fn new(data: &Prepared) -> Self {
        let (size, targets) = (data.train.shape.size(), data.train.outputs().size());
        Self {
            shape: data.train.shape,
            outside: data.range.iter().map(|r| r.0).collect(),
            scratch: vec![0.0; size.max(targets)],
        }
    }

    /// Augments inputs and targets of these samples with the draws of this seed and epoch.
    pub(super) fn apply(
        &mut self,
        list: &[AugmentConfig],
        samples: &[u32],
        (seed, epoch): (u64, u64),
        inputs: &mut [f32],
        batch: &mut BatchTargets,
    ) {
        if list.is_empty() {
            return;
        }
        let mut all = augment::AugmentBatch {
            shape: self.shape,
            inputs,
            targets: batch.mixable(),
            outside: &self.outside,
            scratch: &mut self.scratch,
            samples,
            seed,
            epoch,
            salt: 0,
        };
        augment::apply(list, &mut all);
        batch.settle();
    }
}
