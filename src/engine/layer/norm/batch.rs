//! Batch normalisation for vectors, sequences and images.

use super::{Standard, sums_with, sums2};
use crate::engine::layer::{Backward, Build, Fill, Forward, Layer, LayerKind, Pass, SlotSpec};
use crate::engine::{kernel, shape::Shape};
use crate::registry::settings;
use std::ops::Range;

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
/// In training, mean and biased variance are those of the batch; in evaluation they are the running ones.
///
/// # Notes
/// A channel with a single number in the batch has no unbiased variance. PyTorch raises an error; here the variance
/// counts as 0.
#[derive(Clone, Debug)]
pub struct Normalise {
    shape: Shape,
    channels: usize,
    /// Groups of `channels` planes in one sample: the time steps of a sequence.
    outer: usize,
    /// Contiguous numbers of one channel.
    plane: usize,
    momentum: f64,
    eps: f64,
}

impl Normalise {
    /// Visits every plane of these numbers: `visit(channel, range)`.
    #[inline(always)]
    fn planes(&self, len: usize, mut visit: impl FnMut(usize, Range<usize>)) {
        for (i, start) in (0..len).step_by(self.plane).enumerate() {
            visit(i % self.channels, start..start + self.plane);
        }
    }

    /// The batch's mean and unbiased variance of every channel, stored in the cache after the normalisers.
    fn statistics<'a>(&self, cache: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        let statistics = &cache[self.channels * Standard::LEN..];
        (&statistics[..self.channels], &statistics[self.channels..2 * self.channels])
    }

    /// Mean and biased variance of a channel, from sums of differences to the running mean.
    fn moments(&self, totals: &[f64], pivot: f32, c: usize) -> (f64, f64) {
        let (count, n) = (totals[2 * self.channels], self.channels);
        let shift = totals[c] / count;
        (f64::from(pivot) + shift, (totals[n + c] / count - shift * shift).max(0.0))
    }

    /// Writes the normaliser of every channel to the cache, followed in training by the batch's statistics.
    pub(in crate::engine::layer) fn standardise(
        &self,
        pass: Pass,
        state: &[f32],
        totals: &[f64],
        cache: &mut [f32],
    ) {
        let (standards, statistics) = cache.split_at_mut(self.channels * Standard::LEN);
        for (c, standard) in standards.chunks_exact_mut(Standard::LEN).enumerate() {
            let (mean, variance) = if pass.training {
                let (mean, variance) = self.moments(totals, state[c], c);
                let count = totals[2 * self.channels];
                statistics[c] = mean as f32;
                statistics[self.channels + c] = (variance * count / (count.max(2.0) - 1.0)) as f32;
                (mean, variance)
            } else {
                (f64::from(state[c]), f64::from(state[self.channels + c]))
            };
            Standard::new(mean, variance, self.eps).store(standard);
        }
    }

    /// y = w x̂ + b.
    pub(in crate::engine::layer) fn apply(
        &self,
        params: &[f32],
        standards: &[f32],
        x: &[f32],
        y: &mut [f32],
    ) {
        let (weight, bias) = params.split_at(self.channels);
        kernel::simd(
            #[inline(always)]
            || {
                self.planes(
                    x.len(),
                    #[inline(always)]
                    |c, place| {
                        let s = Standard::load(&standards[c * Standard::LEN..]);
                        let (w, b) = (weight[c], bias[c]);
                        for (y, &x) in y[place.clone()].iter_mut().zip(&x[place]) {
                            *y = w.mul_add(s.apply(x), b);
                        }
                    },
                );
            },
        );
    }

    /// dw = Σ dy x̂, db = Σ dy.
    pub(in crate::engine::layer) fn grad_params(&self, totals: &[f64], grad_params: &mut [f32]) {
        let (grad_weight, grad_bias) = grad_params.split_at_mut(self.channels);
        for c in 0..self.channels {
            (grad_weight[c], grad_bias[c]) = (totals[self.channels + c] as f32, totals[c] as f32);
        }
    }

    /// The values with which a channel's dy becomes dx in training; `factor` is w/√(var + eps).
    #[inline(always)]
    pub(in crate::engine::layer) fn slope(
        &self,
        factor: f32,
        standard: Standard,
        totals: &[f64],
        c: usize,
    ) -> BatchSlope {
        let count = totals[2 * self.channels];
        let mean = |total: f64| (total / count) as f32;
        BatchSlope { standard, factor, mean_g: mean(totals[c]), mean_gx: mean(totals[self.channels + c]) }
    }
}

/// dx = w/√(var + eps) (dy - mean(dy) - x̂ mean(dy x̂)).
#[derive(Clone, Copy)]
pub(in crate::engine::layer) struct BatchSlope {
    standard: Standard,
    factor: f32,
    mean_g: f32,
    mean_gx: f32,
}

impl BatchSlope {
    /// dx from dy and x.
    #[inline(always)]
    pub fn apply(self, g: f32, x: f32) -> f32 {
        self.factor * (g - self.mean_g - self.standard.apply(x) * self.mean_gx)
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

    /// Two sums per channel, and the number of numbers per channel.
    fn totals(&self) -> usize {
        2 * self.channels + 1
    }

    /// Σ d and Σ d² of d = x - running mean; in f64 this is exact enough whenever f32 can distinguish the numbers.
    fn gather(&self, rows: usize, state: &[f32], x: &[f32], totals: &mut [f64]) {
        totals.fill(0.0);
        totals[2 * self.channels] = (rows * self.outer * self.plane) as f64;
        let (sums, squares) = totals.split_at_mut(self.channels);
        kernel::simd(
            #[inline(always)]
            || {
                if self.plane == 1 {
                    for row in x.chunks_exact(self.channels) {
                        for (((sum, square), &x), &pivot) in
                            sums.iter_mut().zip(squares.iter_mut()).zip(row).zip(state)
                        {
                            let d = f64::from(x) - f64::from(pivot);
                            *sum += d;
                            *square += d * d;
                        }
                    }
                    return;
                }
                self.planes(
                    x.len(),
                    #[inline(always)]
                    |c, place| {
                        let pivot = f64::from(state[c]);
                        let x = &x[place];
                        let (sum, square) = sums2(
                            [x, x, x],
                            #[inline(always)]
                            |x, _, _| {
                                let d = f64::from(x) - pivot;
                                (d, d * d)
                            },
                        );
                        sums[c] += sum;
                        squares[c] += square;
                    },
                );
            },
        );
    }

    fn forward(&self, f: Forward<'_>) {
        self.standardise(f.pass, f.state, f.totals, f.cache);
        self.apply(f.params, f.cache, f.x, f.y);
    }

    /// Σ dy and Σ dy x̂.
    fn gather_back(&self, x: &[f32], _: &[f32], cache: &[f32], grad_output: &[f32], totals: &mut [f64]) {
        totals.fill(0.0);
        totals[2 * self.channels] = (x.len() / self.channels) as f64;
        let (sums, products) = totals.split_at_mut(self.channels);
        kernel::simd(
            #[inline(always)]
            || {
                self.planes(
                    x.len(),
                    #[inline(always)]
                    |c, place| {
                        let s = Standard::load(&cache[c * Standard::LEN..]);
                        let (sum, product) = sums_with(&grad_output[place.clone()], &x[place], s);
                        sums[c] += sum;
                        products[c] += product;
                    },
                );
            },
        );
    }

    fn backward(&self, b: Backward<'_>) {
        let (own, all) = b.totals;
        if let Some(grad_params) = b.grad_params {
            self.grad_params(own, grad_params);
        }
        let Some(grad_input) = b.grad_input else { return };
        // In evaluation the statistics are constants.
        kernel::simd(
            #[inline(always)]
            || {
                self.planes(
                    b.x.len(),
                    #[inline(always)]
                    |c, place| {
                        let s = Standard::load(&b.cache[c * Standard::LEN..]);
                        let factor = b.params[c] * s.scale;
                        let numbers = grad_input[place.clone()].iter_mut().zip(&b.grad_output[place.clone()]);
                        if b.pass.training {
                            let slope = self.slope(factor, s, all, c);
                            for ((gx, &g), &x) in numbers.zip(&b.x[place]) {
                                *gx = slope.apply(g, x);
                            }
                        } else {
                            for (gx, &g) in numbers {
                                *gx = factor * g;
                            }
                        }
                    },
                );
            },
        );
    }

    fn kind(&self) -> LayerKind {
        LayerKind::Normalise(self.clone())
    }

    /// running ← (1 - momentum) running + momentum new, the new variance unbiased.
    fn update_state(&self, state: &mut [f32], cache: &[f32], _: usize) {
        let (mean, variance) = self.statistics(cache);
        for (running, &new) in state.iter_mut().zip(mean.iter().chain(variance)) {
            let (old, new) = (f64::from(*running), f64::from(new));
            // The running mean of a channel that is always 0 would otherwise become subnormal.
            *running = kernel::math::snap(((1.0 - self.momentum) * old + self.momentum * new) as f32);
        }
    }
}
