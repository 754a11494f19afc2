//! Activations x · gate(x): GELU, `SiLU`, Mish. Smooth, not monotonic, with a slope that never quite vanishes near 0.

use super::{Function, elementwise};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::registry::{plain_values, settings};
use std::f32::consts::FRAC_1_SQRT_2;

/// How the normal distribution function in GELU is computed; PyTorch's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Approximate {
    /// Exactly, by the error function.
    #[default]
    None,
    /// By a hyperbolic tangent.
    Tanh,
}
plain_values!(Approximate);

settings! {
    /// Gaussian error linear unit x Φ(x), Φ the normal distribution function. Hendrycks & Gimpel 2016, arXiv:1606.08415.
    pub struct Gelu {
        /// None (exact) or Tanh (the paper's approximation)
        approximate: Approximate = Approximate::None;
    }
}

impl Build for Gelu {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(match self.approximate {
            Approximate::None => Box::new(super::Elementwise { shape: input, function: GeluFn }),
            Approximate::Tanh => Box::new(super::Elementwise { shape: input, function: GeluTanhFn }),
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct GeluFn;

impl Function for GeluFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * normal_cdf(x)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        // Φ(x) + x φ(x), φ(x) = e^(-x²/2)/√(2π)
        const INV_SQRT_TAU: f32 = 0.398_942_3;
        normal_cdf(x) + x * (INV_SQRT_TAU * math::exp(-0.5 * x * x))
    }
}

#[inline(always)]
fn normal_cdf(x: f32) -> f32 {
    0.5 * (1.0 + math::erf(x * FRAC_1_SQRT_2))
}

#[derive(Clone, Copy, Debug)]
struct GeluTanhFn;

impl GeluTanhFn {
    /// √(2/π).
    const ROOT: f32 = 0.797_884_6;
    const CUBIC: f32 = 0.044_715;

    /// x clamped to the range where the tanh still changes; beyond it tanh is ±1, and the cube could overflow.
    #[inline(always)]
    fn inner(x: f32) -> f32 {
        let x = if x < -10.0 { -10.0 } else { x };
        if x > 10.0 { 10.0 } else { x }
    }

    #[inline(always)]
    fn tanh(x: f32) -> f32 {
        let x = Self::inner(x);
        math::tanh(Self::ROOT * (x + Self::CUBIC * x * x * x))
    }
}

impl Function for GeluTanhFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        0.5 * x * (1.0 + Self::tanh(x))
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        let (t, c) = (Self::tanh(x), Self::inner(x));
        let inner_slope = Self::ROOT * (1.0 + 3.0 * Self::CUBIC * c * c);
        0.5 * (1.0 + t) + 0.5 * c * (1.0 - t * t) * inner_slope
    }
}

settings! {
    /// Sigmoid linear unit (swish) x · sigmoid(x). Ramachandran et al. 2017, arXiv:1710.05941.
    pub struct Silu {}
}

#[derive(Clone, Copy, Debug)]
struct SiluFn;

impl Function for SiluFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * math::sigmoid(x)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        let s = math::sigmoid(x);
        s * (1.0 + x * (1.0 - s))
    }
}

elementwise!(Silu, |_| SiluFn);

settings! {
    /// x · tanh(softplus(x)). Misra 2019, arXiv:1908.08681.
    pub struct Mish {}
}

#[derive(Clone, Copy, Debug)]
struct MishFn;

impl MishFn {
    /// eˣ, with x clamped to the range where the gate still changes.
    #[inline(always)]
    fn exp(x: f32) -> f32 {
        math::exp(if x > 20.0 { 20.0 } else { x })
    }
}

impl Function for MishFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        // tanh(ln(1 + e)) = n/(n + 2) with n = e (e + 2)
        let e = Self::exp(x);
        let n = e * (e + 2.0);
        x * (n / (n + 2.0))
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        // t + x (1 - t²) sigmoid(x), with 1 - t² = 4 (1 + e)²/(n + 2)² and sigmoid = e/(1 + e)
        let e = Self::exp(x);
        let n = e * (e + 2.0);
        let inverse = 1.0 / (n + 2.0);
        n * inverse + x * (4.0 * e * (1.0 + e) * inverse * inverse)
    }
}

elementwise!(Mish, |_| MishFn);
