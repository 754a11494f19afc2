//! Gradient clipping: the table. A rule sees the gradient buffer, its slots and the parameters.

use crate::engine::kernel;
use crate::engine::network::Slot;
use crate::engine::team::Team;
use crate::registry::registry;

pub mod norm;
pub mod tensor;
pub mod value;

/// A rule that bounds a gradient.
pub trait Clip: Send + Sync {
    /// Bounds `grads` in place, with the work shared by `team`; returns whether anything changed. `norm` is their
    /// Euclidean norm.
    fn clip(&self, grads: &mut [f32], norm: f32, params: &[f32], slots: &[Slot], team: &dyn Team) -> bool;
}

/// The angle between a gradient before and after clipping, in degrees; 0 if either is zero.
///
/// # Notes
/// W. Kahan's formula, which stays accurate at small angles, where the arc cosine of a dot product loses all digits.
pub fn angle(before: &[f32], after: &[f32]) -> f64 {
    let (a, b) = (kernel::sum_sq_f64(before).sqrt(), kernel::sum_sq_f64(after).sqrt());
    if a == 0.0 || b == 0.0 {
        return 0.0;
    }
    let (mut difference, mut sum) = (0.0, 0.0);
    for (&x, &y) in before.iter().zip(after) {
        let (x, y) = (f64::from(x) / a, f64::from(y) / b);
        difference += (x - y) * (x - y);
        sum += (x + y) * (x + y);
    }
    2.0 * libm::atan2(difference.sqrt(), sum.sqrt()).to_degrees()
}

registry! {
    /// Every clipping rule that a scenario can name.
    pub enum ClipConfig: dyn Clip {
        Off(norm::Off),
        Norm(norm::Norm),
        Value(value::Value),
        PerLayer(tensor::PerLayer),
        PerLayerRms(tensor::PerLayerRms),
        Adaptive(tensor::Adaptive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_angle_is_exact_where_it_is_known() {
        assert_eq!(angle(&[1.0, 2.0], &[0.0, 0.0]), 0.0);
        assert!(angle(&[3.0, 4.0], &[0.3, 0.4]) < 1e-5);
        assert!((angle(&[1.0, 0.0], &[0.0, 2.0]) - 90.0).abs() < 1e-9);
        assert!((angle(&[1.0, 0.0], &[1.0, 1.0]) - 45.0).abs() < 1e-9);
        assert!((angle(&[1.0, 0.0], &[-3.0, 0.0]) - 180.0).abs() < 1e-9);
        let tiny = angle(&[1.0, 0.0], &[1.0, 1e-5]).to_radians();
        assert!((tiny - 1e-5).abs() < 1e-11, "{tiny}");
    }
}
