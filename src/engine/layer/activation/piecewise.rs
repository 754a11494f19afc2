//! Activations made of straight pieces. At a kink the slope is the one that PyTorch takes. NaN passes through all of
//! them.

use super::{Function, elementwise};
use crate::registry::settings;

settings! {
    /// Rectified linear unit max(x, 0); a unit that is zero for every input learns no more. Nair & Hinton 2010.
    pub struct Relu {}
}

#[derive(Clone, Copy, Debug)]
struct ReluFn;

impl Function for ReluFn {
    const RECTIFIER: bool = true;
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        if x < 0.0 { 0.0 } else { x }
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(y <= 0.0)
    }
}

elementwise!(Relu, |_| ReluFn);

settings! {
    /// Leaky rectifier: x above 0, negative_slope · x below, so that no unit dies. Maas et al. 2013.
    pub struct LeakyRelu {
        /// slope below (and at) 0
        negative_slope: f64 = 0.01, 0.0..=10.0;
    }
}

#[derive(Clone, Copy, Debug)]
struct LeakyFn {
    below: f32,
}

impl Function for LeakyFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * self.slope(x, 0.0)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        if x > 0.0 { 1.0 } else { self.below }
    }
}

elementwise!(LeakyRelu, |s| LeakyFn { below: s.negative_slope as f32 });

settings! {
    /// Rectifier cut at 6: min(max(x, 0), 6). Krizhevsky 2010; used in MobileNets.
    pub struct Relu6 {}
}

settings! {
    /// The identity between `min` and `max`, constant outside; slope 0 on both kinks.
    pub struct Hardtanh {
        /// lower end
        min: f64 = -1.0, -1e6..=1e6;
        /// upper end, above the lower one
        max: f64 = 1.0, -1e6..=1e6;
    }
}

/// min(max(x, low), high): relu6 and hardtanh.
#[derive(Clone, Copy, Debug)]
struct ClampFn {
    low: f32,
    high: f32,
}

impl Function for ClampFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        clamp(x, self.low, self.high)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        if x > self.low && x < self.high { 1.0 } else { 0.0 }
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(y <= self.low || y >= self.high)
    }
}

elementwise!(Relu6, |_| ClampFn { low: 0.0, high: 6.0 });

impl crate::engine::layer::Build for Hardtanh {
    fn build(
        &self,
        input: crate::engine::shape::Shape,
    ) -> Result<Box<dyn crate::engine::layer::Layer>, String> {
        if self.min >= self.max {
            return Err(format!("min {} must lie below max {}", self.min, self.max));
        }
        let function = ClampFn { low: self.min as f32, high: self.max as f32 };
        Ok(Box::new(super::Elementwise { shape: input, function }))
    }
}

settings! {
    /// Sigmoid made of three lines: min(max(x/6 + 1/2, 0), 1). Howard et al. 2019, arXiv:1905.02244.
    pub struct HardSigmoid {}
}

#[derive(Clone, Copy, Debug)]
struct HardSigmoidFn;

impl Function for HardSigmoidFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        clamp(x + 3.0, 0.0, 6.0) / 6.0
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        if x > -3.0 && x < 3.0 { 1.0 / 6.0 } else { 0.0 }
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(y <= 0.0 || y >= 1.0)
    }
}

elementwise!(HardSigmoid, |_| HardSigmoidFn);

settings! {
    /// x · hard sigmoid(x), a cheap SiLU. Howard et al. 2019, arXiv:1905.02244.
    pub struct HardSwish {}
}

#[derive(Clone, Copy, Debug)]
struct HardSwishFn;

impl Function for HardSwishFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * (clamp(x + 3.0, 0.0, 6.0) / 6.0)
    }
    #[inline(always)]
    fn slope(self, x: f32, _: f32) -> f32 {
        let inside = x / 3.0 + 0.5;
        if x <= -3.0 {
            0.0
        } else if x >= 3.0 {
            1.0
        } else {
            inside
        }
    }
}

elementwise!(HardSwish, |_| HardSwishFn);

settings! {
    /// y = x: shows the gradient between two layers, or makes a network linear on purpose.
    pub struct Identity {}
}

#[derive(Clone, Copy, Debug)]
struct IdentityFn;

impl Function for IdentityFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x
    }
    #[inline(always)]
    fn slope(self, _: f32, _: f32) -> f32 {
        1.0
    }
}

elementwise!(Identity, |_| IdentityFn);

/// Comparisons instead of min and max, so that NaN is passed on.
#[inline(always)]
fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}
