//! Softmax cross-entropy on logits.

use super::{Loss, Targets};
use crate::engine::kernel::{self, math};
use crate::registry::settings;

settings! {
    /// Softmax cross-entropy on logits, -Σ q ln softmax(z), q the class smoothed by `label_smoothing`.
    pub struct CrossEntropy {
        /// share s of the probability spread over all classes: q = (1 - s) onehot + s/K
        label_smoothing: f64 = 0.0, 0.0..1.0;
    }
}

impl Loss for CrossEntropy {
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        mut grad: Option<&mut [f32]>,
        mut each: Option<&mut [f32]>,
    ) -> f64 {
        let smooth = self.label_smoothing as f32;
        kernel::simd(
            #[inline(always)]
            || {
                let mut total = 0.0;
                for (row, z) in input.chunks_exact(width).enumerate() {
                    let at = row * width..(row + 1) * width;
                    let shift = maximum(z);
                    let g = grad.as_deref_mut().map(|g| &mut g[at.clone()]);
                    let loss = match targets {
                        Targets::Classes(y) => of_class(z, y[row] as usize, smooth, shift, scale, g),
                        Targets::Values(q) => of_distribution(z, &q[at], smooth, shift, scale, g),
                    };
                    total += loss;
                    if let Some(each) = each.as_deref_mut() {
                        each[row] = loss as f32;
                    }
                }
                total
            },
        )
    }

    fn terms(&self, input: &[f32], width: usize) -> usize {
        input.len() / width
    }

    fn classifies(&self) -> bool {
        true
    }
}

/// The usual case: one class, perhaps smoothed.
#[inline(always)]
fn of_class(z: &[f32], class: usize, smooth: f32, shift: f32, scale: f32, grad: Option<&mut [f32]>) -> f64 {
    let sum = exp_sum(z, shift);
    let log_sum = f64::from(math::ln(sum));
    let share = smooth / z.len() as f32;
    if let Some(grad) = grad {
        // dz = softmax(z) - q
        let factor = 1.0 / sum;
        for (g, &z) in grad.iter_mut().zip(z) {
            *g = scale * (math::exp(z - shift) * factor - share);
        }
        grad[class] -= scale * (1.0 - smooth);
    }
    let hit = log_sum - f64::from(z[class] - shift);
    if smooth == 0.0 {
        return hit;
    }
    let all: f64 = z.iter().map(|&z| log_sum - f64::from(z - shift)).sum();
    f64::from(1.0 - smooth) * hit + f64::from(share) * all
}

/// A given distribution q, which `label_smoothing` mixes with the uniform one as PyTorch does.
#[inline(always)]
fn of_distribution(
    z: &[f32],
    q: &[f32],
    smooth: f32,
    shift: f32,
    scale: f32,
    grad: Option<&mut [f32]>,
) -> f64 {
    let sum = exp_sum(z, shift);
    let log_sum = f64::from(math::ln(sum));
    let share = smooth / z.len() as f32;
    let q = q.iter().map(|&q| (1.0 - smooth) * q + share);
    if let Some(grad) = grad {
        // dz = softmax(z) Σq - q, for the targets may not sum to 1
        let factor = q.clone().sum::<f32>() / sum;
        for ((g, &z), q) in grad.iter_mut().zip(z).zip(q.clone()) {
            *g = scale * (math::exp(z - shift) * factor - q);
        }
    }
    let term = |(q, &z): (f32, &f32)| f64::from(q) * (log_sum - f64::from(z - shift));
    q.zip(z).map(term).sum()
}

/// The largest logit, or NaN if there is one.
#[inline(always)]
fn maximum(z: &[f32]) -> f32 {
    z.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m || v.is_nan() { v } else { m })
}

/// Σ e^(z - shift) in eight partial sums, so that the exponentials are computed side by side.
#[inline(always)]
fn exp_sum(z: &[f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; 8];
    for part in z.chunks(8) {
        for (lane, &z) in lanes.iter_mut().zip(part) {
            *lane += math::exp(z - shift);
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(z: &[f32], targets: Targets<'_>, smooth: f64) -> (f64, Vec<f32>) {
        let mut grad = vec![f32::NAN; z.len()];
        let config = CrossEntropy { label_smoothing: smooth };
        (config.eval(z, z.len(), targets, 1.0, Some(&mut grad), None), grad)
    }

    #[test]
    fn a_class_is_the_distribution_that_has_it_alone() {
        let z = [0.5, -1.25, 3.0, 0.0, 1.0, -2.0, 0.25, 4.0, -0.5];
        let mut q = [0.0; 9];
        q[2] = 1.0;
        for smooth in [0.0, 0.2] {
            let (a, ga) = loss(&z, Targets::Classes(&[2]), smooth);
            let (b, gb) = loss(&z, Targets::Values(&q), smooth);
            assert!((a - b).abs() < 1e-6, "{a} {b}");
            assert!(ga.iter().zip(&gb).all(|(a, b)| (a - b).abs() < 1e-6), "{ga:?} {gb:?}");
        }
    }

    #[test]
    fn huge_logits_give_finite_numbers_and_nan_gives_nan() {
        let (l, g) = loss(&[1e4, -1e4, 0.0], Targets::Classes(&[1]), 0.1);
        assert!(l.is_finite() && g.iter().all(|g| g.is_finite()), "{l} {g:?}");
        let (l, _) = loss(&[f32::NAN, 1.0], Targets::Classes(&[1]), 0.0);
        assert!(l.is_nan());
    }
}
