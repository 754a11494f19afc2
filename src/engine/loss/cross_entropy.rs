//! Softmax cross-entropy on logits.

use super::{Loss, Targets};
use crate::engine::kernel::math;
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
        let mut total = 0.0;
        for (row, z) in input.chunks_exact(width).enumerate() {
            let target = |j: usize| match targets {
                Targets::Classes(y) => {
                    let hit = if y[row] as usize == j { 1.0 - smooth } else { 0.0 };
                    hit + smooth / width as f32
                }
                Targets::Values(q) => q[row * width + j],
            };
            // ln Σ e^z, shifted by the maximum so that nothing overflows.
            let max = z.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m || v.is_nan() { v } else { m });
            let sum: f32 = z.iter().map(|&v| math::exp(v - max)).sum();
            let log_sum = math::ln(sum);
            let loss: f64 = z
                .iter()
                .enumerate()
                .map(|(j, &v)| match target(j) {
                    0.0 => 0.0,
                    q => f64::from(q) * (f64::from(log_sum) - f64::from(v - max)),
                })
                .sum();
            total += loss;
            if let Some(each) = each.as_deref_mut() {
                each[row] = loss as f32;
            }
            if let Some(grad) = grad.as_deref_mut() {
                // dz = softmax(z) Σq - q, and Σq = 1
                for (j, g) in grad[row * width..(row + 1) * width].iter_mut().enumerate() {
                    *g = scale * (math::exp(z[j] - max) / sum - target(j));
                }
            }
        }
        total
    }

    fn terms(&self, input: &[f32], width: usize) -> usize {
        input.len() / width
    }

    fn classifies(&self) -> bool {
        true
    }
}
