//! Activations with an exponential or rational tail: ELU, SELU, softplus, log-sigmoid, softsign.

use super::{Function, elementwise};
use crate::engine::kernel::math;
use crate::registry::settings;

settings! {
    /// Exponential linear unit: x above 0, alpha (eˣ - 1) below. Clevert et al. 2016, arXiv:1511.07289.
    pub struct Elu {
        /// depth of the negative tail, and the slope at 0
        alpha: f64 = 1.0, 0.0..=100.0;
    }
}

settings! {
    /// Scaled ELU whose fixed point has mean 0 and variance 1. Klambauer et al. 2017, arXiv:1706.02515.
    pub struct Selu {}
}

/// alpha and scale of SELU, the solution of its fixed-point equations.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// x · scale above 0, tail (eˣ - 1) below.
#[derive(Clone, Copy, Debug)]
struct EluFn {
    scale: f32,
    tail: f32,
}

impl Function for EluFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        if x > 0.0 { self.scale * x } else { self.tail * math::exp_m1(x) }
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        if x > 0.0 { self.scale } else { self.tail * math::exp(x) }
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(y < -0.99 * self.tail)
    }
}

elementwise!(Elu, |s| EluFn { scale: 1.0, tail: s.alpha as f32 });
elementwise!(Selu, |_| EluFn { scale: SELU_SCALE as f32, tail: (SELU_SCALE * SELU_ALPHA) as f32 });

settings! {
    /// Smooth rectifier ln(1 + e^(beta x))/beta; x itself where beta x is above `threshold`.
    pub struct Softplus {
        /// sharpness of the bend
        beta: f64 = 1.0, 1e-3..=1e3;
        /// beta x from which on it is a straight line
        threshold: f64 = 20.0, 0.0..=1e6;
    }
}

#[derive(Clone, Copy, Debug)]
struct SoftplusFn {
    beta: f32,
    threshold: f32,
}

impl Function for SoftplusFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        let z = self.beta * x;
        let bend = math::softplus(z) / self.beta;
        if z > self.threshold { x } else { bend }
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        let z = self.beta * x;
        let slope = math::sigmoid(z);
        if z > self.threshold { 1.0 } else { slope }
    }
}

elementwise!(Softplus, |s| SoftplusFn { beta: s.beta as f32, threshold: s.threshold as f32 });

settings! {
    /// ln sigmoid(x), without underflow for large negative x.
    pub struct LogSigmoid {}
}

#[derive(Clone, Copy, Debug)]
struct LogSigmoidFn;

impl Function for LogSigmoidFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        -math::softplus(-x)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        math::sigmoid(-x)
    }
}

elementwise!(LogSigmoid, |_| LogSigmoidFn);

settings! {
    /// x/(1 + |x|): a sigmoid whose tails fall off slowly. Turian et al. 2009; Glorot & Bengio 2010.
    pub struct Softsign {}
}

#[derive(Clone, Copy, Debug)]
struct SoftsignFn;

impl Function for SoftsignFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x / (1.0 + x.abs())
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        let d = 1.0 + x.abs();
        1.0 / (d * d)
    }
    fn flat(self, y: f32) -> Option<bool> {
        // Beyond this, the slope (1 - |y|)² is below that of a sigmoid at 0.01.
        Some(y.abs() > 0.9)
    }
}

elementwise!(Softsign, |_| SoftsignFn);
