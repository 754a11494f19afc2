//! Hides a square of every image.

use super::{Augment, AugmentBatch, images_only};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Blacks out a square at a random place of each image. DeVries & Taylor 2017, arXiv:1708.04552.
    pub struct Cutout {
        /// side of the square, in pixels
        size: usize = 4, 0..=limits::UNITS;
    }
}

impl Augment for Cutout {
    fn fits(&self, shape: Shape) -> Result<(), String> {
        images_only(shape)
    }

    /// # Notes
    /// As in the paper, the centre of the square is uniform over the image, so that a part of it may lie beyond the
    /// edge.
    fn apply(&self, batch: &mut AugmentBatch<'_>) {
        let (_, height, width) = batch.image();
        batch.each(|draws, x, outside, _| {
            let (middle_row, middle_column) =
                (draws.below(height as u32) as usize, draws.below(width as u32) as usize);
            let part = |middle: usize, length: usize| {
                let first = middle.saturating_sub(self.size / 2);
                let end = (middle + self.size.div_ceil(2)).min(length);
                first..end.max(first)
            };
            let (rows, columns) = (part(middle_row, height), part(middle_column, width));
            for (x, outside) in x.chunks_exact_mut(height * width).zip(outside.chunks_exact(height * width)) {
                for row in rows.clone() {
                    let at = row * width + columns.start..row * width + columns.end;
                    x[at.clone()].copy_from_slice(&outside[at]);
                }
            }
        });
    }
}
