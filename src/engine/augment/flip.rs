//! Mirror images.

use super::{Augment, AugmentBatch, images_only};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Mirrors each image left to right with probability p. Krizhevsky et al. 2012.
    pub struct Flip {
        /// probability
        p: f64 = 0.5, 0.0..=1.0;
    }
}

impl Augment for Flip {
    fn fits(&self, shape: Shape) -> Result<(), String> {
        images_only(shape)
    }

    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let (_, _, width) = batch.image();
        batch.each(|draws, x, _, _| {
            if f64::from(draws.unit()) < self.p {
                x.chunks_exact_mut(width).for_each(<[f32]>::reverse);
            }
        });
    }
}
