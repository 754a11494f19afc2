//! Scaling by a random factor.

use super::{Augment, AugmentBatch, images_only, resample};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Enlarges each image about its centre by a random factor, bilinear; below 1 it shrinks. Krizhevsky et al. 2012.
    pub struct Scale {
        /// the least and the greatest factor
        factors: (f64, f64) = (0.8, 1.25), 0.05..=20.0;
    }
}

/// Enlarges one image.
pub(super) fn enlarge(
    factor: f64,
    x: &mut [f32],
    size: (usize, usize),
    outside: &[f32],
    scratch: &mut [f32],
) {
    let back = (1.0 / factor) as f32;
    resample::through([[back, 0.0], [0.0, back]], x, size, outside, scratch);
}

impl Augment for Scale {
    fn fits(&self, shape: Shape) -> Result<(), String> {
        let (least, greatest) = self.factors;
        if least > greatest {
            return Err(format!("factors: {least} is more than {greatest}; give the lesser one first"));
        }
        images_only(shape)
    }

    /// # Notes
    /// The logarithm of the factor is uniform, so that halving is as likely as doubling.
    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let (_, height, width) = batch.image();
        let (low, high) = (libm::log(self.factors.0), libm::log(self.factors.1));
        batch.each(|draws, x, outside, scratch| {
            let factor = libm::exp(low + (high - low) * f64::from(draws.unit()));
            enlarge(factor, x, (height, width), outside, scratch);
        });
    }
}
