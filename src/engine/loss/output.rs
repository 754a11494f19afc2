//! The output itself as the loss, for networks that compute the quantity to minimise.

use super::{Loss, Targets};
use crate::registry::settings;

settings! {
    /// The mean of the outputs themselves; targets do not matter. For surfaces.
    pub struct Output {}
}

impl Loss for Output {
    fn eval(
        &self,
        input: &[f32],
        _: usize,
        _: Targets<'_>,
        scale: f32,
        grad: Option<&mut [f32]>,
        each: Option<&mut [f32]>,
    ) -> f64 {
        if let Some(grad) = grad {
            grad.fill(scale);
        }
        if let Some(each) = each {
            each.copy_from_slice(input);
        }
        input.iter().map(|&x| f64::from(x)).sum()
    }

    fn terms(&self, input: &[f32], _: usize) -> usize {
        input.len()
    }

    fn classifies(&self) -> bool {
        false
    }
}
