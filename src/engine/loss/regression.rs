//! Losses of the difference between outputs and target values.

use super::{Loss, Targets};
use crate::registry::settings;

settings! {
    /// Mean squared error (x - t)²; class targets count as one-hot vectors.
    pub struct Mse {}
}

impl Loss for Mse {
    fn eval(
        &self,
        input: &[f32],
        width: usize,
        targets: Targets<'_>,
        scale: f32,
        mut grad: Option<&mut [f32]>,
        mut each: Option<&mut [f32]>,
    ) -> f64 {
        let mut total = 0.0;
        for (i, &x) in input.iter().enumerate() {
            let r = x - entry(targets, i, width);
            let loss = r * r;
            total += f64::from(loss);
            if let Some(each) = each.as_deref_mut() {
                each[i] = loss;
            }
            if let Some(grad) = grad.as_deref_mut() {
                grad[i] = scale * 2.0 * r;
            }
        }
        total
    }

    fn terms(&self, input: &[f32], _: usize) -> usize {
        input.len()
    }

    fn classifies(&self) -> bool {
        false
    }
}

/// Target of the i-th entry.
fn entry(targets: Targets<'_>, i: usize, width: usize) -> f32 {
    match targets {
        Targets::Values(t) => t[i],
        Targets::Classes(y) => f32::from(u8::from(y[i / width] as usize == i % width)),
    }
}
