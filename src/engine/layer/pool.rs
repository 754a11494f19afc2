//! Pooling: the maximum or the mean of a window, and the mean of a whole channel.

use super::window::Window;
use super::{Backward, Build, Forward, Layer, LayerKind};
use crate::engine::{kernel, shape::Shape};
use crate::limits;
use crate::registry::settings;

settings! {
    /// Maximum of every square window; the first maximum gets the whole gradient. Padding counts as -∞.
    pub struct MaxPool2d {
        /// side of the window in pixels
        kernel: usize = 2, 1..=limits::KERNEL;
        /// pixels from one window to the next; None is the side of the window
        stride: Option<usize> = None, 1..=limits::KERNEL;
        /// pixels around the image, at most half the window
        padding: usize = 0, 0..=limits::KERNEL;
    }
}

settings! {
    /// Mean of every square window, zeros in the padding.
    pub struct AvgPool2d {
        /// side of the window in pixels
        kernel: usize = 2, 1..=limits::KERNEL;
        /// pixels from one window to the next; None is the side of the window
        stride: Option<usize> = None, 1..=limits::KERNEL;
        /// pixels around the image, at most half the window
        padding: usize = 0, 0..=limits::KERNEL;
        /// divide by the whole window (true) or by its pixels inside the image
        count_include_pad: bool = true;
    }
}

settings! {
    /// Mean of every channel over all its pixels; of a sequence, of every feature over time. Lin et al. 2014, arXiv:1312.4400.
    pub struct GlobalAvgPool {}
}

/// Builds the windows; a padding of more than half the kernel is refused, so every window overlaps the image.
fn window(
    who: &str,
    input: Shape,
    kernel: usize,
    stride: Option<usize>,
    padding: usize,
) -> Result<Window, String> {
    if 2 * padding > kernel {
        return Err(format!("padding {padding} is more than half the window; at most {} here", kernel / 2));
    }
    Window::new(who, input, kernel, stride.unwrap_or(kernel), padding)
}

impl Build for MaxPool2d {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(Maximum { window: window("MaxPool2d", input, self.kernel, self.stride, self.padding)? }))
    }
}

impl Build for AvgPool2d {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let window = window("AvgPool2d", input, self.kernel, self.stride, self.padding)?;
        Ok(Box::new(Average { window, count_include_pad: self.count_include_pad }))
    }
}

impl Build for GlobalAvgPool {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        match input {
            Shape::Image { channels, height, width } => {
                Ok(Box::new(Mean { units: channels, count: height * width, stride: 1 }))
            }
            Shape::Sequence { steps, features } => {
                Ok(Box::new(Mean { units: features, count: steps, stride: features }))
            }
            Shape::Flat(_) => Err(format!("GlobalAvgPool needs an image or a sequence, {input} goes in")),
        }
    }
}

fn pooled(w: &Window) -> Shape {
    Shape::Image { channels: w.channels, height: w.out_height, width: w.out_width }
}

/// Visits the windows of one channel, each with the index of its output.
fn each_window(w: &Window, mut visit: impl FnMut(usize, std::ops::Range<usize>, std::ops::Range<usize>)) {
    for oy in 0..w.out_height {
        for ox in 0..w.out_width {
            visit(oy * w.out_width + ox, w.rows(oy), w.columns(ox));
        }
    }
}

#[derive(Debug)]
struct Maximum {
    window: Window,
}

impl Maximum {
    /// Whether the windows are 2 x 2 and tile the image: the usual case, in which every pixel belongs to one window.
    fn tiles(&self) -> bool {
        let w = &self.window;
        (w.kernel, w.stride, w.padding) == (2, 2, 0)
            && w.width.is_multiple_of(2)
            && w.height.is_multiple_of(2)
    }
}

/// The greater number and its position; the first of equal numbers stays, and NaN wins and stays.
#[inline(always)]
fn greater(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    if kernel::stays(a.0, b.0) { a } else { b }
}

impl Layer for Maximum {
    fn output(&self) -> Shape {
        pooled(&self.window)
    }

    fn kind(&self) -> LayerKind {
        if self.tiles() { LayerKind::Tiles } else { LayerKind::Other }
    }

    /// For every output, the position of the maximum in the window's part of the image (a small whole number, exact in
    /// f32). For windows that tile the image, also the maxima of one image's pairs of neighbours with their positions.
    fn cache_len(&self, rows: usize) -> usize {
        let pairs = if self.tiles() { self.window.channels * self.window.plane() } else { 0 };
        self.output().size() * rows + pairs
    }

    fn forward(&self, f: Forward<'_>) {
        let w = &self.window;
        let (places, pairs) = f.cache.split_at_mut(f.y.len());
        if self.tiles() {
            let image = w.channels * w.plane();
            let half = w.out_width;
            let (values, sides) = pairs[..image].split_at_mut(image / 2);
            let outputs = f.y.chunks_exact_mut(image / 4).zip(places.chunks_exact_mut(image / 4));
            for (x, (y, at)) in f.x.chunks_exact(image).zip(outputs) {
                kernel::simd(
                    #[inline(always)]
                    || {
                        // First along the rows, for the whole image at once; then from row to row.
                        for ((&[a, b], value), side) in
                            x.as_chunks::<2>().0.iter().zip(values.iter_mut()).zip(sides.iter_mut())
                        {
                            (*value, *side) = greater((a, 0.0), (b, 1.0));
                        }
                        let rows = values.chunks_exact(2 * half).zip(sides.chunks_exact(2 * half));
                        let outputs = y.chunks_exact_mut(half).zip(at.chunks_exact_mut(half));
                        for ((v, s), (y, at)) in rows.zip(outputs) {
                            let ((v, v_below), (s, s_below)) = (v.split_at(half), s.split_at(half));
                            let upper = v.iter().zip(s).zip(v_below.iter().zip(s_below));
                            for ((y, at), ((&v, &s), (&v_below, &s_below))) in
                                y.iter_mut().zip(at.iter_mut()).zip(upper)
                            {
                                (*y, *at) = greater((v, s), (v_below, s_below + 2.0));
                            }
                        }
                    },
                );
            }
            return;
        }
        let planes = f.x.chunks_exact(w.plane()).zip(f.y.chunks_exact_mut(w.out_plane()));
        for ((x, y), at) in planes.zip(places.chunks_exact_mut(w.out_plane())) {
            each_window(w, |o, rows, columns| {
                let (mut best, mut here) = ((f32::NEG_INFINITY, 0.0), 0.0);
                for row in rows {
                    for &v in &x[row * w.width..][columns.clone()] {
                        best = greater(best, (v, here));
                        here += 1.0;
                    }
                }
                (y[o], at[o]) = best;
            });
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(grad_input) = b.grad_input else { return };
        let w = &self.window;
        if self.tiles() {
            let outputs = b.grad_output.chunks_exact(w.out_width).zip(b.cache.chunks_exact(w.out_width));
            kernel::simd(
                #[inline(always)]
                || {
                    for (gx, (gy, at)) in grad_input.chunks_exact_mut(2 * w.width).zip(outputs) {
                        let (upper, lower) = gx.split_at_mut(w.width);
                        for (gx, first) in [(upper, 0.0), (lower, 2.0)] {
                            for ((pair, &g), &at) in gx.as_chunks_mut::<2>().0.iter_mut().zip(gy).zip(at) {
                                let place = at - first;
                                *pair =
                                    [if place == 0.0 { g } else { 0.0 }, if place == 1.0 { g } else { 0.0 }];
                            }
                        }
                    }
                },
            );
            return;
        }
        grad_input.fill(0.0);
        let planes = grad_input.chunks_exact_mut(w.plane()).zip(b.grad_output.chunks_exact(w.out_plane()));
        for ((gx, gy), at) in planes.zip(b.cache.chunks_exact(w.out_plane())) {
            each_window(w, |o, rows, columns| {
                let place = at[o] as usize;
                let (row, column) =
                    (rows.start + place / columns.len(), columns.start + place % columns.len());
                gx[row * w.width + column] += gy[o];
            });
        }
    }
}

#[derive(Debug)]
struct Average {
    window: Window,
    count_include_pad: bool,
}

impl Average {
    fn divisor(&self, inside: usize) -> f32 {
        let whole = self.window.kernel * self.window.kernel;
        (if self.count_include_pad { whole } else { inside }) as f32
    }
}

impl Layer for Average {
    fn output(&self) -> Shape {
        pooled(&self.window)
    }

    fn forward(&self, f: Forward<'_>) {
        let w = &self.window;
        for (x, y) in f.x.chunks_exact(w.plane()).zip(f.y.chunks_exact_mut(w.out_plane())) {
            each_window(w, |o, rows, columns| {
                let divisor = self.divisor(rows.len() * columns.len());
                let row_sum = |row: usize| x[row * w.width..][columns.clone()].iter().sum::<f32>();
                y[o] = rows.map(row_sum).sum::<f32>() / divisor;
            });
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(grad_input) = b.grad_input else { return };
        let w = &self.window;
        grad_input.fill(0.0);
        for (gx, gy) in grad_input.chunks_exact_mut(w.plane()).zip(b.grad_output.chunks_exact(w.out_plane()))
        {
            each_window(w, |o, rows, columns| {
                let share = gy[o] / self.divisor(rows.len() * columns.len());
                for row in rows {
                    gx[row * w.width..][columns.clone()].iter_mut().for_each(|g| *g += share);
                }
            });
        }
    }
}

/// The mean of `count` numbers for each of `units`; `stride` is 1 if a unit's numbers are contiguous.
#[derive(Debug)]
struct Mean {
    units: usize,
    count: usize,
    stride: usize,
}

impl Mean {
    /// The start of unit `u` in a sample.
    fn start(&self, u: usize) -> usize {
        if self.stride == 1 { u * self.count } else { u }
    }
}

impl Layer for Mean {
    fn output(&self) -> Shape {
        Shape::Flat(self.units)
    }

    fn forward(&self, f: Forward<'_>) {
        let samples = f.x.chunks_exact(self.units * self.count).zip(f.y.chunks_exact_mut(self.units));
        for (x, y) in samples {
            for (u, y) in y.iter_mut().enumerate() {
                let numbers = x[self.start(u)..].iter().step_by(self.stride).take(self.count);
                *y = numbers.sum::<f32>() / self.count as f32;
            }
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(grad_input) = b.grad_input else { return };
        let size = self.units * self.count;
        for (gx, gy) in grad_input.chunks_exact_mut(size).zip(b.grad_output.chunks_exact(self.units)) {
            for (u, &g) in gy.iter().enumerate() {
                let share = g / self.count as f32;
                gx[self.start(u)..].iter_mut().step_by(self.stride).take(self.count).for_each(|x| *x = share);
            }
        }
    }
}
