//! Normalisation layers and their shared code: exact moments of a set of numbers.

// Loops over lanes: only in this form does the compiler keep them in registers.
#![allow(clippy::needless_range_loop)]

use crate::engine::kernel;

pub mod batch;
pub mod group;

/// Independent partial sums; their number fixes the order of the reduction on every machine.
const LANES: usize = 8;

/// Σ f(x) over a slice in f64.
#[inline(always)]
fn sum(x: &[f32], f: impl Fn(f32) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += f(x);
    }
    lanes.iter().sum()
}

/// Two sums over three slices at once, in f64; a caller with fewer slices passes one of them twice.
#[inline(always)]
pub(super) fn sums2([a, b, c]: [&[f32]; 3], f: impl Fn(f32, f32, f32) -> (f64, f64)) -> (f64, f64) {
    let mut sums = [0.0; LANES];
    let mut others = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let (c, c_rest) = c.as_chunks::<LANES>();
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        for l in 0..LANES {
            let (one, other) = f(a[l], b[l], c[l]);
            sums[l] += one;
            others[l] += other;
        }
    }
    for (l, ((&a, &b), &c)) in a_rest.iter().zip(b_rest).zip(c_rest).enumerate() {
        let (one, other) = f(a, b, c);
        sums[l] += one;
        others[l] += other;
    }
    (sums.iter().sum(), others.iter().sum())
}

/// Σ g and Σ g x̂ in f64, each product exact.
#[inline(always)]
fn sums_with(g: &[f32], x: &[f32], s: Standard) -> (f64, f64) {
    sums2(
        [g, x, x],
        #[inline(always)]
        |g, x, _| (f64::from(g), f64::from(g) * f64::from(s.apply(x))),
    )
}

/// Mean and biased variance of the numbers of `parts` together, in two passes in f64.
fn moments<'a>(parts: impl Iterator<Item = &'a [f32]> + Clone, count: usize) -> (f64, f64) {
    kernel::simd(
        #[inline(always)]
        || {
            let total: f64 = parts.clone().map(|x| sum(x, f64::from)).sum();
            let mean = total / count as f64;
            let square = |x: f32| (f64::from(x) - mean) * (f64::from(x) - mean);
            (mean, parts.map(|x| sum(x, square)).sum::<f64>() / count as f64)
        },
    )
}

/// Turns a number of a set into its normalised value, in f32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standard {
    /// The mean rounded to f32.
    mean: f32,
    /// The rounding error of `mean`; if the mean is large, this can be as large as the spread.
    rest: f32,
    /// 1/√(variance + eps).
    pub scale: f32,
}

impl Standard {
    /// Number of floats that it needs in a cache.
    pub const LEN: usize = 3;
    /// The identity.
    pub const IDENTITY: Self = Self { mean: 0.0, rest: 0.0, scale: 1.0 };

    fn new(mean: f64, variance: f64, eps: f64) -> Self {
        let high = mean as f32;
        Self {
            mean: high,
            rest: (mean - f64::from(high)) as f32,
            scale: (1.0 / (variance + eps).sqrt()) as f32,
        }
    }

    fn store(self, out: &mut [f32]) {
        out.copy_from_slice(&[self.mean, self.rest, self.scale]);
    }

    pub fn load(cache: &[f32]) -> Self {
        Self { mean: cache[0], rest: cache[1], scale: cache[2] }
    }

    /// (x - mean)/√(variance + eps).
    #[inline(always)]
    pub fn apply(self, x: f32) -> f32 {
        ((x - self.mean) - self.rest) * self.scale
    }
}
