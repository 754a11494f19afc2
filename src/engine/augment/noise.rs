//! Noise on the inputs.

use super::{Augment, AugmentBatch};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Adds Gaussian noise to every input. Bishop 1995: for small noise a penalty on the slope of the network.
    pub struct Noise {
        /// standard deviation, in units of the (scaled) inputs
        std: f64 = 0.1, 0.0..=1e6;
    }
}

impl Augment for Noise {
    fn fits(&self, _: Shape) -> Result<(), String> {
        Ok(())
    }

    /// # Notes
    /// The result is not clamped to the range of the inputs, so that their mean does not change.
    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let std = self.std as f32;
        batch.each(|draws, x, _, _| {
            for x in x {
                *x += std * draws.normal();
            }
        });
    }
}
