//! Normalisation layers and what they share: exact moments of a set of numbers.

// Loops over lanes are the form that the compiler keeps in registers.
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

/// Two sums over a slice at once, in f64.
#[inline(always)]
fn sums2(x: &[f32], f: impl Fn(f32) -> [f64; 2]) -> [f64; 2] {
    let mut lanes = [[0.0; LANES]; 2];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for l in 0..LANES {
            let [a, b] = f(chunk[l]);
            lanes[0][l] += a;
            lanes[1][l] += b;
        }
    }
    for (l, &x) in rest.iter().enumerate() {
        let [a, b] = f(x);
        lanes[0][l] += a;
        lanes[1][l] += b;
    }
    lanes.map(|lanes| lanes.iter().sum())
}

/// Σ g and Σ g x̂ in f64, each product exact.
#[inline(always)]
fn sums_with(g: &[f32], x: &[f32], s: Standard) -> (f64, f64) {
    let mut sums = [0.0; LANES];
    let mut products = [0.0; LANES];
    let ((gs, g_rest), (xs, x_rest)) = (g.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    for (g, x) in gs.iter().zip(xs) {
        for l in 0..LANES {
            sums[l] += f64::from(g[l]);
            products[l] += f64::from(g[l]) * f64::from(s.apply(x[l]));
        }
    }
    for (l, (&g, &x)) in g_rest.iter().zip(x_rest).enumerate() {
        sums[l] += f64::from(g);
        products[l] += f64::from(g) * f64::from(s.apply(x));
    }
    (sums.iter().sum(), products.iter().sum())
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

/// What turns a number of a set into its normalised value, in f32.
#[derive(Clone, Copy, Debug)]
struct Standard {
    /// The mean rounded to f32.
    mean: f32,
    /// What the rounding lost: far from zero it is as large as the spread.
    rest: f32,
    /// 1/√(variance + eps).
    scale: f32,
}

impl Standard {
    /// Floats that it takes in a cache.
    const LEN: usize = 3;

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

    fn load(cache: &[f32]) -> Self {
        Self { mean: cache[0], rest: cache[1], scale: cache[2] }
    }

    /// (x - mean)/√(variance + eps).
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        ((x - self.mean) - self.rest) * self.scale
    }
}
