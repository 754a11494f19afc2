//! Shifts by whole pixels.

use super::{Augment, AugmentBatch, images_only};
use crate::engine::rng::Stream;
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Moves each image by up to this many whole pixels along each axis. LeCun et al. 1998.
    pub struct Shift {
        /// the farthest move, in pixels
        pixels: usize = 2, 0..=limits::KERNEL;
    }
}

/// Moves one image to the right and down; pixels from beyond the edge are `outside`.
pub(super) fn displace(
    (right, down): (isize, isize),
    x: &mut [f32],
    (height, width): (usize, usize),
    outside: &[f32],
    old: &mut [f32],
) {
    old.copy_from_slice(x);
    for (i, new) in x.iter_mut().enumerate() {
        let (row, column) = (i / width % height, i % width);
        let from = (row.checked_add_signed(-down), column.checked_add_signed(-right));
        *new = match from {
            (Some(r), Some(c)) if r < height && c < width => old[i - row * width - column + r * width + c],
            _ => outside[i],
        };
    }
}

impl Augment for Shift {
    fn fits(&self, shape: Shape) -> Result<(), String> {
        images_only(shape)
    }

    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let (_, height, width) = batch.image();
        let places = 2 * self.pixels as u32 + 1;
        let far = |draws: &mut Stream| draws.below(places) as isize - self.pixels as isize;
        batch.each(|draws, x, outside, scratch| {
            let by = (far(draws), far(draws));
            displace(by, x, (height, width), outside, scratch);
        });
    }
}
