//! Rotation by a random angle.

use super::{Augment, AugmentBatch, images_only, resample, symmetric};
use crate::engine::shape::Shape;
use crate::registry::settings;

settings! {
    /// Turns each image about its centre by a random angle in ±degrees, bilinear. Simard et al. 2003.
    pub struct Rotation {
        /// the largest angle, in degrees
        degrees: f64 = 15.0, 0.0..=180.0;
    }
}

/// Cosine and sine of an angle in degrees, exact at multiples of a right angle.
fn cos_sin(degrees: f64) -> (f64, f64) {
    let quarters = (degrees / 90.0).round();
    let rest = (degrees - 90.0 * quarters).to_radians();
    let (c, s) = (libm::cos(rest), libm::sin(rest));
    match (quarters as i64).rem_euclid(4) {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    }
}

/// Rotates one image counterclockwise.
pub(super) fn turn(degrees: f64, x: &mut [f32], size: (usize, usize), outside: &[f32], scratch: &mut [f32]) {
    let (c, s) = cos_sin(degrees);
    let (c, s) = (c as f32, s as f32);
    // The map leads from new to old positions, so it rotates back; as rows count downwards, its matrix looks like a
    // forward rotation.
    resample::through([[c, -s], [s, c]], x, size, outside, scratch);
}

impl Augment for Rotation {
    fn fits(&self, shape: Shape) -> Result<(), String> {
        images_only(shape)
    }

    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let (_, height, width) = batch.image();
        batch.each(|draws, x, outside, scratch| {
            turn(symmetric(draws, self.degrees), x, (height, width), outside, scratch);
        });
    }
}
