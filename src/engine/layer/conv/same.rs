//! Convolution with one window for every pixel, which needs no unfolding.
//!
//! In a copy of the image with a border of zeros, the pixels under one position of the kernel are contiguous in memory,
//! shifted by that position. Results between two image rows are computed too and then dropped. So the unfolded image is
//! a matrix with overlapping rows, and the gradient of the input is a convolution of the same kind. Works on one image
//! at a time.

use super::super::window::Window;
use crate::engine::kernel::{self, CancelCheck, First, Strided};
use crate::engine::team::Team;

/// Numbers of a cache line; each part of the memory starts at one.
const LINE: usize = 16;

/// The geometry of bordered images.
#[derive(Debug)]
pub(super) struct Same {
    channels: usize,
    filters: usize,
    height: usize,
    width: usize,
    kernel: usize,
    /// Distance between two rows of a bordered image.
    pitch: usize,
    /// Numbers of one bordered channel.
    plane: usize,
    /// Distance from the first pixel's window to the last one's, including those between two rows.
    grid: usize,
    /// The same, rounded up so that only whole vectors are computed.
    columns: usize,
    /// Offset in the first window of each (channel, row, column), for as many channels as the input or output has.
    starts: Vec<usize>,
}

/// The memory of one call, divided into its parts.
struct ConvScratch<'a> {
    x: &'a mut [f32],
    gy: &'a mut [f32],
    out: &'a mut [f32],
    turned: &'a mut [f32],
    grad: &'a mut [f32],
}

impl Same {
    pub fn new(w: &Window, filters: usize) -> Self {
        let (pitch, rows) = (w.width + w.kernel - 1, w.height + w.kernel - 1);
        let plane = pitch * rows;
        let window = |channel: usize| {
            let within = (0..w.kernel).flat_map(move |y| (0..w.kernel).map(move |x| y * pitch + x));
            within.map(move |at| channel * plane + at)
        };
        let grid = (w.height - 1) * pitch + w.width;
        Self {
            channels: w.channels,
            filters,
            height: w.height,
            width: w.width,
            kernel: w.kernel,
            pitch,
            plane,
            grid,
            columns: grid.next_multiple_of(kernel::COLUMNS),
            starts: (0..w.channels.max(filters)).flat_map(window).collect(),
        }
    }

    /// Numbers under one position in every window of `channels` channels.
    fn patch(&self, channels: usize) -> usize {
        channels * self.kernel * self.kernel
    }

    /// Numbers of a bordered image, with the padding that whole vectors may read beyond it.
    fn bordered(&self, channels: usize) -> usize {
        channels.saturating_mul(self.plane).saturating_add(self.columns - self.grid).next_multiple_of(LINE)
    }

    fn weights(&self) -> usize {
        self.filters.saturating_mul(self.patch(self.channels))
    }

    pub fn cache_len(&self) -> usize {
        let weights = self.weights().next_multiple_of(LINE);
        let bordered = self.bordered(self.channels).saturating_add(self.bordered(self.filters));
        let out = self.channels.max(self.filters).saturating_mul(self.columns);
        bordered.saturating_add(out).saturating_add(weights.saturating_mul(2))
    }

    fn scratch<'a>(&self, cache: &'a mut [f32]) -> ConvScratch<'a> {
        let weights = self.weights();
        let (x, rest) = cache.split_at_mut(self.bordered(self.channels));
        let (gy, rest) = rest.split_at_mut(self.bordered(self.filters));
        let (out, rest) = rest.split_at_mut(self.channels.max(self.filters) * self.columns);
        let (turned, rest) = rest.split_at_mut(weights.next_multiple_of(LINE));
        ConvScratch { x, gy, out, turned: &mut turned[..weights], grad: &mut rest[..weights] }
    }

    /// y = W col(x) + b for every image.
    pub fn forward(
        &self,
        weight: &[f32],
        bias: &[f32],
        x: &[f32],
        y: &mut [f32],
        cache: &mut [f32],
        team: &dyn Team,
    ) {
        let s = self.scratch(cache);
        let pixels = self.height * self.width;
        let images = x.chunks_exact(self.channels * pixels).zip(y.chunks_exact_mut(self.filters * pixels));
        let left = || team.left();
        for (x, y) in images {
            if left() {
                return;
            }
            self.border(x, s.x);
            self.correlate(&left, weight, s.x, s.out, self.filters);
            self.keep_pixels(s.out, bias, y);
        }
    }

    /// dW = Σ dy col(x)ᵀ, db = Σ dy, and dx as the convolution of dy with the kernels rotated by 180 degrees.
    pub fn backward(
        &self,
        weight: &[f32],
        x: &[f32],
        grad_output: &[f32],
        mut grad_input: Option<&mut [f32]>,
        mut grad_params: Option<(&mut [f32], &mut [f32])>,
        cache: &mut [f32],
        team: &dyn Team,
    ) {
        let s = self.scratch(cache);
        let (pixels, patch) = (self.height * self.width, self.patch(self.channels));
        let area = self.kernel * self.kernel;
        // (filter, channel, position) becomes (channel, filter, position from the end)
        for (i, &w) in weight.iter().enumerate() {
            let (filter, channel, at) = (i / patch, i % patch / area, i % area);
            s.turned[(channel * self.filters + filter) * area + area - 1 - at] = w;
        }
        s.grad.fill(0.0);
        if let Some((_, grad_bias)) = &mut grad_params {
            grad_bias.fill(0.0);
        }
        let images =
            x.chunks_exact(self.channels * pixels).zip(grad_output.chunks_exact(self.filters * pixels));
        // The position of the first pixel in a bordered image.
        let first = (self.kernel / 2) * (self.pitch + 1);
        let left = || team.left();
        for (i, (x, gy)) in images.enumerate() {
            if left() {
                return;
            }
            self.border(gy, s.gy);
            if let Some((_, grad_bias)) = &mut grad_params {
                self.border(x, s.x);
                // dWᵀ += col(x) dyᵀ; between two rows, dy has zeros as its border
                let dy = Strided { data: &s.gy[first..], row: 1, col: self.plane };
                let starts = &self.starts[..patch];
                let (size, start) = ((self.filters, self.grid), First::Scaled(1.0));
                kernel::product_of_starts(&left, size, (s.x, starts), dy, start, s.grad, self.filters);
                for (db, gy) in grad_bias.iter_mut().zip(gy.chunks_exact(pixels)) {
                    *db += kernel::sum(gy);
                }
            }
            if let Some(grad_input) = grad_input.as_deref_mut() {
                self.correlate(&left, s.turned, s.gy, s.out, self.channels);
                let n = self.channels * pixels;
                self.keep_pixels(s.out, &[], &mut grad_input[i * n..(i + 1) * n]);
            }
        }
        if let Some((grad_weight, _)) = grad_params {
            kernel::transpose(s.grad, self.filters, grad_weight);
        }
    }

    /// Copies an image into the middle of its border, which is already zero.
    fn border(&self, image: &[f32], to: &mut [f32]) {
        let first = (self.kernel / 2) * (self.pitch + 1);
        for (plane, to) in image.chunks_exact(self.height * self.width).zip(to.chunks_exact_mut(self.plane)) {
            kernel::copy_rows(plane, self.width, self.width, &mut to[first..], self.pitch);
        }
    }

    /// out = W col(image), including the results between image rows; `channels` is the number of output channels.
    fn correlate(
        &self,
        left: CancelCheck<'_>,
        weight: &[f32],
        image: &[f32],
        out: &mut [f32],
        channels: usize,
    ) {
        let starts = &self.starts[..weight.len() / channels];
        kernel::correlate(left, weight, starts, image, &mut out[..channels * self.columns], self.columns);
    }

    /// Drops the results between image rows, and adds the bias if there is one.
    fn keep_pixels(&self, grid: &[f32], bias: &[f32], out: &mut [f32]) {
        let planes = grid.chunks_exact(self.columns).zip(out.chunks_exact_mut(self.height * self.width));
        for (c, (grid, out)) in planes.enumerate() {
            kernel::copy_rows(grid, self.pitch, self.width, out, self.width);
            if let Some(&b) = bias.get(c) {
                kernel::map_inplace(out, move |y| y + b);
            }
        }
    }
}
