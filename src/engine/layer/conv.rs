//! Convolution as a matrix product. If every pixel has a window (stride 1, half a kernel of padding), the product reads
//! an image with a border of zeros in place; otherwise the windows are unfolded first.

use super::window::Window;
use super::{Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::kernel::{self, First, Strided};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;
use same::Same;

mod same;

settings! {
    /// Convolution of an image with square kernels (cross-correlation, as everywhere), zero padding. LeCun et al. 1989.
    pub struct Conv2d {
        /// channels that come out
        filters: usize = 16, 1..=limits::UNITS;
        /// side of the kernel in pixels
        kernel: usize = 3, 1..=limits::KERNEL;
        /// pixels from one window to the next
        stride: usize = 1, 1..=limits::KERNEL;
        /// zeros put around the image, in pixels
        padding: usize = 0, 0..=limits::KERNEL;
        /// whether every filter adds a number of its own; needless before a BatchNorm
        bias: bool = true;
    }
}

impl Build for Conv2d {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let window = Window::new("Conv2d", input, self.kernel, self.stride, self.padding)?;
        Ok(Box::new(Convolution {
            window,
            filters: self.filters,
            bias: self.bias,
            same: (self.stride == 1 && 2 * self.padding + 1 == self.kernel)
                .then(|| Same::new(&window, self.filters)),
        }))
    }
}

/// y = W col(x) + b, image by image, where column p of col(x) holds the pixels under window p.
#[derive(Debug)]
struct Convolution {
    window: Window,
    filters: usize,
    bias: bool,
    /// The geometry of a bordered image, if every pixel has a window.
    same: Option<Same>,
}

impl Convolution {
    /// Length of one window: channels x kernel x kernel.
    fn patch(&self) -> usize {
        self.window.channels * self.window.kernel * self.window.kernel
    }

    fn image(&self) -> usize {
        self.window.channels * self.window.plane()
    }

    fn out_image(&self) -> usize {
        self.filters * self.window.out_plane()
    }

    fn weight_len(&self) -> usize {
        self.filters * self.patch()
    }
}

impl Layer for Convolution {
    fn output(&self) -> Shape {
        let Window { out_height: height, out_width: width, .. } = self.window;
        Shape::Image { channels: self.filters, height, width }
    }

    fn slots(&self) -> Vec<SlotSpec> {
        let Window { channels, kernel, .. } = self.window;
        let fill = Fill::Init { fan_in: self.patch(), fan_out: self.filters * kernel * kernel };
        let shape = vec![self.filters, channels, kernel, kernel];
        let mut slots = vec![SlotSpec { name: "weight", shape, fill }];
        if self.bias {
            slots.push(SlotSpec { name: "bias", shape: vec![self.filters], fill: Fill::Constant(0.0) });
        }
        slots
    }

    /// One unfolded image, or bordered ones.
    fn cache_len(&self, _: usize) -> usize {
        if let Some(same) = &self.same {
            return same.cache_len();
        }
        self.patch().saturating_mul(self.window.out_plane())
    }

    fn work(&self) -> usize {
        self.weight_len() * self.window.out_plane()
    }

    fn forward(&self, f: Forward<'_>) {
        let (patch, pixels) = (self.patch(), self.window.out_plane());
        let (weight, bias) = f.params.split_at(self.weight_len());
        if let Some(same) = &self.same {
            return same.forward(weight, bias, f.x, f.y, f.cache, f.team);
        }
        for (x, y) in f.x.chunks_exact(self.image()).zip(f.y.chunks_exact_mut(self.out_image())) {
            if f.team.left() {
                return;
            }
            unfold(&self.window, x, f.cache);
            for (y, &b) in y.chunks_exact_mut(pixels).zip(bias) {
                y.fill(b);
            }
            // y = W col + b
            let first = if self.bias { First::Scaled(1.0) } else { First::Zero };
            let (w, col) = (Strided::rows(weight, patch), Strided::rows(f.cache, pixels));
            kernel::product(&|| f.team.left(), (self.filters, pixels, patch), w, col, first, y, pixels);
        }
    }

    fn backward(&self, mut b: Backward<'_>) {
        if let Some(same) = &self.same {
            let weight = &b.params[..self.weight_len()];
            let grad_params = b.grad_params.map(|g| g.split_at_mut(self.weight_len()));
            return same.backward(weight, b.x, b.grad_output, b.grad_input, grad_params, b.cache, b.team);
        }
        let (patch, pixels) = (self.patch(), self.window.out_plane());
        let weight = Strided::rows(b.params, patch);
        let left = || b.team.left();
        let mut grad_params = b.grad_params.map(|g| {
            g.fill(0.0);
            g.split_at_mut(self.weight_len())
        });
        let images = b.x.chunks_exact(self.image()).zip(b.grad_output.chunks_exact(self.out_image()));
        for (i, (x, gy)) in images.enumerate() {
            if left() {
                return;
            }
            // dW = Σ dy colᵀ, db = Σ dy, dcol = Wᵀ dy
            let gy_matrix = Strided::rows(gy, pixels);
            if let Some((grad_weight, grad_bias)) = &mut grad_params {
                unfold(&self.window, x, b.cache);
                let (col, size) = (Strided::rows(b.cache, pixels), (self.filters, patch, pixels));
                kernel::product(&left, size, gy_matrix, col.t(), First::Scaled(1.0), grad_weight, patch);
                for (db, gy) in grad_bias.iter_mut().zip(gy.chunks_exact(pixels)) {
                    *db += kernel::sum(gy);
                }
            }
            if let Some(grad_input) = b.grad_input.as_deref_mut() {
                let size = (patch, pixels, self.filters);
                kernel::product(&left, size, weight.t(), gy_matrix, First::Zero, b.cache, pixels);
                fold(&self.window, b.cache, &mut grad_input[i * self.image()..(i + 1) * self.image()]);
            }
        }
    }
}

/// Writes the pixel under position (channel, row, column) of each window to one row of `col`, zeros in the padding.
fn unfold(w: &Window, x: &[f32], col: &mut [f32]) {
    each_segment(w, |segment, source| {
        let row = &mut col[segment.row..segment.row + w.out_width];
        let Some(source) = source else { return row.fill(0.0) };
        row[..segment.first].fill(0.0);
        row[segment.end..].fill(0.0);
        let row = &mut row[segment.first..segment.end];
        if w.stride == 1 {
            return row.copy_from_slice(&x[source..source + row.len()]);
        }
        row.iter_mut().zip(x[source..].iter().step_by(w.stride)).for_each(|(c, &x)| *c = x);
    });
}

/// Adds each row of `col` to the pixels from which it was read: the transpose of [`unfold`].
fn fold(w: &Window, col: &[f32], x: &mut [f32]) {
    x.fill(0.0);
    each_segment(w, |segment, source| {
        let Some(source) = source else { return };
        let row = &col[segment.row + segment.first..segment.row + segment.end];
        let pixels = &mut x[source..];
        // Only a loop over neighbours is vectorised.
        if w.stride == 1 {
            pixels.iter_mut().zip(row).for_each(|(x, &c)| *x += c);
        } else {
            pixels.iter_mut().step_by(w.stride).zip(row).for_each(|(x, &c)| *x += c);
        }
    });
}

/// One row of windows at one position of the kernel: its start in `col`, and the windows that lie on the image there.
struct Segment {
    row: usize,
    first: usize,
    end: usize,
}

/// Visits every segment in the order of `col`, with the index of its first pixel, or `None` if all of it is padding.
fn each_segment(w: &Window, mut visit: impl FnMut(Segment, Option<usize>)) {
    let mut row = 0;
    for channel in 0..w.channels {
        for (ky, kx) in (0..w.kernel).flat_map(|ky| (0..w.kernel).map(move |kx| (ky, kx))) {
            let columns = w.outputs_on_image(kx);
            for oy in 0..w.out_height {
                let y = (oy * w.stride + ky).checked_sub(w.padding).filter(|&y| y < w.height);
                let source = y.filter(|_| !columns.is_empty()).map(|y| {
                    let x = columns.start * w.stride + kx - w.padding;
                    channel * w.plane() + y * w.width + x
                });
                visit(Segment { row, first: columns.start, end: columns.end }, source);
                row += w.out_width;
            }
        }
    }
}
