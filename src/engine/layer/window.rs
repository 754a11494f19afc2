//! Square windows that slide over an image: the geometry shared by convolution and pooling. Knows no numbers.

use crate::engine::shape::Shape;
use std::ops::Range;

/// Windows of one kernel size over images of one shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    /// Rows of windows: floor((height + 2 padding - kernel)/stride) + 1.
    pub out_height: usize,
    /// Columns of windows.
    pub out_width: usize,
}

impl Window {
    /// Slides windows over `input`.
    ///
    /// # Errors
    /// If `input` is not an image, or smaller than the window.
    pub fn new(
        who: &str,
        input: Shape,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self, String> {
        let Shape::Image { channels, height, width } = input else {
            return Err(format!("{who} needs an image (channels x height x width), {input} goes in"));
        };
        let out = |n: usize| (n + 2 * padding).checked_sub(kernel).map(|rest| rest / stride + 1);
        let (Some(out_height), Some(out_width)) = (out(height), out(width)) else {
            let least = kernel.saturating_sub(height.min(width)).div_ceil(2);
            return Err(format!(
                "a kernel of {kernel} does not fit into {height}x{width}; take one of at most {}, or padding {least}",
                height.min(width) + 2 * padding
            ));
        };
        Ok(Self { channels, height, width, kernel, stride, padding, out_height, out_width })
    }

    /// Size of one channel of the input.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Size of one channel of the output.
    pub fn out_plane(&self) -> usize {
        self.out_height * self.out_width
    }

    /// The part of window row `o` that lies on the image.
    pub fn rows(&self, o: usize) -> Range<usize> {
        Self::clip(o * self.stride, self.padding, self.kernel, self.height)
    }

    /// The part of window column `o` that lies on the image.
    pub fn columns(&self, o: usize) -> Range<usize> {
        Self::clip(o * self.stride, self.padding, self.kernel, self.width)
    }

    fn clip(start: usize, padding: usize, kernel: usize, size: usize) -> Range<usize> {
        let end = (start + kernel).saturating_sub(padding).min(size);
        start.saturating_sub(padding).min(end)..end
    }

    /// The output columns for which kernel column `k` lies on the image.
    pub fn outputs_on_image(&self, k: usize) -> Range<usize> {
        // 0 <= o stride + k - padding < width
        let first = self.padding.saturating_sub(k).div_ceil(self.stride);
        let end = (self.width + self.padding).saturating_sub(k).div_ceil(self.stride).min(self.out_width);
        first.min(end)..end
    }
}
