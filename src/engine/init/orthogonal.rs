//! Orthogonal matrices.

use super::Init;
use crate::engine::rng::Stream;
use crate::registry::settings;

settings! {
    /// Random orthogonal matrix: keeps the norm of what passes. A kernel counts as [out, rest]. Saxe et al. 2014, arXiv:1312.6120.
    pub struct Orthogonal {
        /// factor on the matrix
        gain: f64 = 1.0, 0.0..=1000.0;
    }
}

impl Init for Orthogonal {
    fn fill(&self, out: &mut [f32], shape: &[usize], _: usize, _: usize, rng: &mut Stream) {
        let rows = shape.first().copied().unwrap_or(1).max(1);
        let columns = out.len() / rows;
        // As many orthonormal vectors as the shorter side is long, each as long as the longer side.
        let (count, length) = (rows.min(columns), rows.max(columns));
        let basis = orthonormal(count, length, rng);
        for (i, w) in out.iter_mut().enumerate() {
            let (row, column) = (i / columns, i % columns);
            let (vector, at) = if rows <= columns { (row, column) } else { (column, row) };
            *w = (self.gain * basis[vector * length + at]) as f32;
        }
    }
}

/// Orthonormal vectors made from normal ones (Gram & Schmidt, twice, in f64): uniformly distributed.
fn orthonormal(count: usize, length: usize, rng: &mut Stream) -> Vec<f64> {
    let mut basis: Vec<f64> = (0..count * length).map(|_| f64::from(rng.normal())).collect();
    for i in 0..count {
        let (before, after) = basis.split_at_mut(i * length);
        let v = &mut after[..length];
        // One pass is not accurate enough if the remainder is small compared with the subtracted part.
        for _ in 0..2 {
            for u in before.chunks_exact(length) {
                let share = dot(u, v);
                v.iter_mut().zip(u).for_each(|(v, u)| *v -= share * u);
            }
        }
        let norm = dot(v, v).sqrt();
        for v in v {
            *v /= norm;
        }
    }
    basis
}

/// The dot product in four partial sums, in a fixed order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}
