//! Batch normalisation, for vectors, sequences and images alike.

use super::{Standard, moments, sum};
use crate::engine::layer::{Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::{kernel, shape::Shape};
use crate::registry::settings;

settings! {
    /// Normalises every channel over the batch, then scales and shifts it. Ioffe & Szegedy 2015, arXiv:1502.03167.
    pub struct BatchNorm {
        /// share of the new batch in the running statistics
        momentum: f64 = 0.1, 0.0..=1.0;
        /// added to the variance, under the root
        eps: f64 = 1e-5, 0.0..=1.0;
    }
}

impl Build for BatchNorm {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        let (channels, outer, plane) = match input {
            Shape::Image { channels, height, width } => (channels, 1, height * width),
            Shape::Flat(n) => (n, 1, 1),
            Shape::Sequence { steps, features } => (features, steps, 1),
        };
        Ok(Box::new(Normalise {
            shape: input,
            channels,
            outer,
            plane,
            momentum: self.momentum,
            eps: self.eps,
        }))
    }
}

/// y = w x̂ + b, x̂ = (x - mean)/√(var + eps) for each channel.
///
/// In training mean and biased variance are those of the batch, in evaluation the running ones.
///
/// # Notes
/// A channel of which the batch has one number only has no unbiased variance: PyTorch stops there, here its variance
/// counts as 0.
#[derive(Debug)]
struct Normalise {
    shape: Shape,
    channels: usize,
    /// Groups of `channels` planes in one sample: the time steps of a sequence.
    outer: usize,
    /// Numbers of one channel that stand side by side.
    plane: usize,
    momentum: f64,
    eps: f64,
}

impl Normalise {
    /// The numbers of one channel, part by part.
    fn parts<'a>(&self, data: &'a [f32], channel: usize) -> impl Iterator<Item = &'a [f32]> + Clone {
        let (first, plane) = (channel * self.plane, self.plane);
        data.chunks_exact(self.channels * plane).map(move |group| &group[first..first + plane])
    }

    /// How many numbers one channel has in so many rows.
    fn count(&self, rows: usize) -> usize {
        rows * self.outer * self.plane
    }

    /// Where the batch's mean and unbiased variance of every channel stand in the cache, after the standards.
    fn statistics<'a>(&self, cache: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        let statistics = &cache[self.channels * Standard::LEN..];
        (&statistics[..self.channels], &statistics[self.channels..2 * self.channels])
    }
}

impl Layer for Normalise {
    fn output(&self) -> Shape {
        self.shape
    }

    fn slots(&self) -> Vec<SlotSpec> {
        let slot = |name, value| SlotSpec { name, shape: vec![self.channels], fill: Fill::Constant(value) };
        vec![slot("weight", 1.0), slot("bias", 0.0)]
    }

    /// Running mean 0 and running variance 1 of every channel.
    fn state(&self) -> Vec<f32> {
        [vec![0.0; self.channels], vec![1.0; self.channels]].concat()
    }

    fn cache_len(&self, _: usize) -> usize {
        self.channels * (Standard::LEN + 2)
    }

    fn forward(&self, f: Forward<'_>) {
        let count = self.count(f.pass.rows);
        let (standards, statistics) = f.cache.split_at_mut(self.channels * Standard::LEN);
        for (c, standard) in standards.chunks_exact_mut(Standard::LEN).enumerate() {
            let (mean, variance) = if f.pass.training {
                let (mean, variance) = moments(self.parts(f.x, c), count);
                statistics[c] = mean as f32;
                statistics[self.channels + c] = (variance * count as f64 / (count.max(2) - 1) as f64) as f32;
                (mean, variance)
            } else {
                (f64::from(f.state[c]), f64::from(f.state[self.channels + c]))
            };
            Standard::new(mean, variance, self.eps).store(standard);
        }
        // y = w x̂ + b
        let group = self.channels * self.plane;
        let (weight, bias) = f.params.split_at(self.channels);
        for (x, y) in f.x.chunks_exact(group).zip(f.y.chunks_exact_mut(group)) {
            for (c, (x, y)) in x.chunks_exact(self.plane).zip(y.chunks_exact_mut(self.plane)).enumerate() {
                let s = Standard::load(&standards[c * Standard::LEN..]);
                let (w, b) = (weight[c], bias[c]);
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = w * s.apply(x) + b;
                }
            }
        }
    }

    fn backward(&self, b: Backward<'_>) {
        let count = self.count(b.pass.rows) as f64;
        let group = self.channels * self.plane;
        let mut grad_params = b.grad_params.map(|g| g.split_at_mut(self.channels));
        let mut grad_input = b.grad_input;
        for c in 0..self.channels {
            let s = Standard::load(&b.cache[c * Standard::LEN..]);
            // db = Σ dy, dw = Σ dy x̂
            let (sum_g, sum_gx) = kernel::simd(
                #[inline(always)]
                || {
                    let parts = self.parts(b.grad_output, c).zip(self.parts(b.x, c));
                    parts.fold((0.0, 0.0), |(g_total, gx_total), (g, x)| {
                        let products = g.iter().zip(x).map(|(&g, &x)| f64::from(g) * f64::from(s.apply(x)));
                        (g_total + sum(g, f64::from), gx_total + products.sum::<f64>())
                    })
                },
            );
            if let Some((grad_weight, grad_bias)) = &mut grad_params {
                (grad_weight[c], grad_bias[c]) = (sum_gx as f32, sum_g as f32);
            }
            let Some(grad_input) = grad_input.as_deref_mut() else { continue };
            // dx = w/√(var + eps) (dy - mean(dy) - x̂ mean(dy x̂)); in evaluation the statistics are constants
            let factor = b.params[c] * s.scale;
            let (mean_g, mean_gx) =
                if b.pass.training { ((sum_g / count) as f32, (sum_gx / count) as f32) } else { (0.0, 0.0) };
            let first = c * self.plane;
            let groups = b.x.chunks_exact(group).zip(b.grad_output.chunks_exact(group));
            for ((x, g), gx) in groups.zip(grad_input.chunks_exact_mut(group)) {
                let end = first + self.plane;
                for ((gx, &g), &x) in gx[first..end].iter_mut().zip(&g[first..end]).zip(&x[first..end]) {
                    *gx = factor * (g - mean_g - s.apply(x) * mean_gx);
                }
            }
        }
    }

    /// running ← (1 - momentum) running + momentum new, the new variance unbiased.
    fn update_state(&self, state: &mut [f32], cache: &[f32], _: usize) {
        let (mean, variance) = self.statistics(cache);
        for (running, &new) in state.iter_mut().zip(mean.iter().chain(variance)) {
            let (old, new) = (f64::from(*running), f64::from(new));
            *running = ((1.0 - self.momentum) * old + self.momentum * new) as f32;
        }
    }
}
