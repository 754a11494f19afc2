//! Normalisation within one sample: over all its features (layer norm) or over groups of its channels (group norm).

use super::{Standard, moments, sums_with};
use crate::engine::kernel;
use crate::engine::layer::{Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Normalises the features of each sample (of each time step), so it knows no batch. Ba et al. 2016, arXiv:1607.06450.
    pub struct LayerNorm {
        /// added to the variance, under the root
        eps: f64 = 1e-5, 0.0..=1.0;
    }
}

settings! {
    /// Normalises groups of channels of each sample together with all their pixels. Wu & He 2018, arXiv:1803.08494.
    pub struct GroupNorm {
        /// number of groups, a divisor of the channels; as many as channels is instance normalisation
        groups: usize = 4, 1..=limits::UNITS;
        /// added to the variance, under the root
        eps: f64 = 1e-5, 0.0..=1.0;
    }
}

impl Build for LayerNorm {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let channels = input.rows_of().1;
        Ok(Box::new(Grouped { shape: input, channels, plane: 1, groups: 1, eps: self.eps }))
    }
}

impl Build for GroupNorm {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let (channels, plane) = match input {
            Shape::Image { channels, height, width } => (channels, height * width),
            other => (other.rows_of().1, 1),
        };
        let groups = self.groups;
        if channels % groups != 0 {
            let fit: Vec<String> =
                (1..=channels.min(64)).filter(|g| channels % g == 0).map(|g| g.to_string()).collect();
            return Err(format!("{groups} groups do not divide {channels} channels; {} do", fit.join(", ")));
        }
        Ok(Box::new(Grouped { shape: input, channels, plane, groups, eps: self.eps }))
    }
}

/// y = w x̂ + b, x̂ normalised over each group with its biased variance; w and b for each channel.
#[derive(Debug)]
struct Grouped {
    shape: Shape,
    channels: usize,
    /// Numbers of one channel.
    plane: usize,
    groups: usize,
    eps: f64,
}

impl Grouped {
    /// Count of numbers that are normalised together.
    fn group(&self) -> usize {
        self.channels / self.groups * self.plane
    }

    /// The channels of the `i`-th group of a batch.
    fn channels_of(&self, i: usize) -> std::ops::Range<usize> {
        let per_group = self.channels / self.groups;
        let first = i % self.groups * per_group;
        first..first + per_group
    }
}

impl Layer for Grouped {
    fn output(&self) -> Shape {
        self.shape
    }

    fn slots(&self) -> Vec<SlotSpec> {
        let slot = |name, value| SlotSpec { name, shape: vec![self.channels], fill: Fill::Constant(value) };
        vec![slot("weight", 1.0), slot("bias", 0.0)]
    }

    fn cache_len(&self, rows: usize) -> usize {
        self.shape.size() / self.group() * Standard::LEN * rows
    }

    fn forward(&self, f: Forward<'_>) {
        let size = self.group();
        let (weight, bias) = f.params.split_at(self.channels);
        let groups = f.x.chunks_exact(size).zip(f.y.chunks_exact_mut(size));
        for (i, ((x, y), kept)) in groups.zip(f.cache.chunks_exact_mut(Standard::LEN)).enumerate() {
            let (mean, variance) = moments(std::iter::once(x), size);
            let s = Standard::new(mean, variance, self.eps);
            s.store(kept);
            // y = w x̂ + b
            let channels = self.channels_of(i);
            let planes = x.chunks_exact(self.plane).zip(y.chunks_exact_mut(self.plane));
            for ((x, y), (w, b)) in planes.zip(weight[channels.clone()].iter().zip(&bias[channels])) {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = w * s.apply(x) + b);
            }
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let size = self.group();
        let mut grad_params = b.grad_params.map(|g| {
            g.fill(0.0);
            g.split_at_mut(self.channels)
        });
        let mut grad_input = b.grad_input;
        let groups = b.x.chunks_exact(size).zip(b.grad_output.chunks_exact(size));
        for (i, ((x, g), kept)) in groups.zip(b.cache.chunks_exact(Standard::LEN)).enumerate() {
            let s = Standard::load(kept);
            let channels = self.channels_of(i);
            let weight = &b.params[channels.clone()];
            let planes = || x.chunks_exact(self.plane).zip(g.chunks_exact(self.plane));
            // dw = Σ dy x̂, db = Σ dy; and Σ w dy, Σ w dy x̂ over the group
            let (mut total, mut total_x) = (0.0, 0.0);
            for ((x, g), c) in planes().zip(channels) {
                let (sum_g, sum_gx) = kernel::simd(
                    #[inline(always)]
                    || sums_with(g, x, s),
                );
                if let Some((grad_weight, grad_bias)) = &mut grad_params {
                    grad_weight[c] += sum_gx as f32;
                    grad_bias[c] += sum_g as f32;
                }
                total += f64::from(b.params[c]) * sum_g;
                total_x += f64::from(b.params[c]) * sum_gx;
            }
            let Some(grad_input) = grad_input.as_deref_mut() else { continue };
            // dx = (w dy - mean(w dy) - x̂ mean(w dy x̂))/√(var + eps)
            let (mean, mean_x) = ((total / size as f64) as f32, (total_x / size as f64) as f32);
            let gx = grad_input[i * size..(i + 1) * size].chunks_exact_mut(self.plane);
            for (((x, g), gx), &w) in planes().zip(gx).zip(weight) {
                for ((gx, &g), &x) in gx.iter_mut().zip(g).zip(x) {
                    *gx = s.scale * (w * g - mean - s.apply(x) * mean_x);
                }
            }
        }
    }
}
