//! Augmentation: the table, and the trait of its rows. A row changes training samples in place; it sees no network and
//! no trainer, and has no state between batches.
//!
//! The draws of a sample depend on the seed, the epoch, the sample and the augmentation's own name, not on its place in
//! a batch, the size of the batch or the other augmentations. So every lane sees the same draws.

use crate::engine::rng::{self, Purpose, Stream};
use crate::engine::shape::Shape;
use crate::registry::registry;

pub mod cutout;
pub mod flip;
pub mod mixup;
pub mod noise;
mod resample;
pub mod rotation;
pub mod scale;
pub mod shift;

/// A batch to augment.
#[derive(Debug)]
pub struct AugmentBatch<'a> {
    /// Shape of one sample.
    pub shape: Shape,
    /// The inputs, one sample after another.
    pub inputs: &'a mut [f32],
    /// The targets of each sample, as numbers or as shares of classes; empty if no augmentation
    /// [mixes](Augment::mixes).
    pub targets: &'a mut [f32],
    /// For each number of a sample, the value that fills places outside of an image (black).
    pub outside: &'a [f32],
    /// Scratch memory of the length of one sample and its targets.
    pub scratch: &'a mut [f32],
    /// The number of each sample within the data set.
    pub samples: &'a [u32],
    /// Seed of the experiment.
    pub seed: u64,
    /// The pass over the data set, from 0.
    pub epoch: u64,
    /// Distinguishes the present augmentation from others; set by [`apply`].
    pub salt: u64,
}

impl AugmentBatch<'_> {
    /// Calls `f` for every sample with its random draws, its numbers and its fill values, and with scratch memory.
    fn each(&mut self, mut f: impl FnMut(&mut Stream, &mut [f32], &[f32], &mut [f32])) {
        let size = self.shape.size();
        for (x, &sample) in self.inputs.chunks_exact_mut(size).zip(self.samples) {
            let index = rng::hash([self.salt, u64::from(sample)]);
            let mut draws = Stream::new(self.seed, Purpose::Augment, self.epoch, index);
            f(&mut draws, x, self.outside, &mut self.scratch[..size]);
        }
    }

    /// Channels, rows and columns of an image.
    fn image(&self) -> (usize, usize, usize) {
        match self.shape {
            Shape::Image { channels, height, width } => (channels, height, width),
            other => unreachable!("{other} is no image; the check of the scenario says so"),
        }
    }
}

/// A change of training samples that keeps their labels valid.
pub trait Augment: Send + Sync {
    /// Checks whether it fits samples of this shape.
    ///
    /// # Errors
    /// The reason, and shapes that would fit.
    fn fits(&self, shape: Shape) -> Result<(), String>;

    /// Whether it mixes the targets of samples, so that the loss must accept shares of classes.
    fn mixes(&self) -> bool {
        false
    }

    /// Changes the batch in place. Allocates nothing.
    fn apply(&self, batch: &mut AugmentBatch<'_>);
}

registry! {
    /// Every augmentation that a scenario can name.
    pub enum AugmentConfig: dyn Augment {
        Rotation(rotation::Rotation),
        Scale(scale::Scale),
        Shift(shift::Shift),
        Flip(flip::Flip),
        Noise(noise::Noise),
        Cutout(cutout::Cutout),
        Mixup(mixup::Mixup),
    }
}

/// Applies a list of augmentations, one after another. The n-th of a kind uses the n-th random stream of that kind.
pub fn apply(list: &[AugmentConfig], batch: &mut AugmentBatch<'_>) {
    for (i, augment) in list.iter().enumerate() {
        let nth = list[..i].iter().filter(|other| other.name() == augment.name()).count() as u64;
        batch.salt = rng::hash(augment.name().bytes().map(u64::from).chain([nth]));
        augment.apply(batch);
    }
}

/// Refuses all shapes but images.
fn images_only(shape: Shape) -> Result<(), String> {
    match shape {
        Shape::Image { .. } => Ok(()),
        other => {
            Err(format!("it is for images, and a sample here is {other}; Noise() and Mixup() fit any data"))
        }
    }
}

/// A uniform draw from ±`by`; 0 if `by` is 0.
fn symmetric(draws: &mut Stream, by: f64) -> f64 {
    by * (2.0 * f64::from(draws.unit()) - 1.0)
}

#[cfg(test)]
mod tests;
