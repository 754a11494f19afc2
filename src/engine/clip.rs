//! Gradient clipping: the table. A rule sees the gradient buffer, its slots and the parameters.

use crate::engine::network::Slot;
use crate::registry::registry;

pub mod norm;
pub mod value;

/// A rule that bounds a gradient.
pub trait Clip: Send + Sync {
    /// Bounds `grads` in place; whether anything changed. `norm` is their Euclidean norm.
    fn clip(&self, grads: &mut [f32], norm: f32, params: &[f32], slots: &[Slot]) -> bool;
}

registry! {
    /// Every clipping rule that a scenario can name.
    pub enum ClipConfig: dyn Clip {
        Off(norm::Off),
        Norm(norm::Norm),
        Value(value::Value),
    }
}
