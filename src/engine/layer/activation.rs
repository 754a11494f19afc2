//! Elementwise activations. Each is one formula and its derivative, expressed by the values that are cheapest to keep.

use super::{Backward, Forward, Health, Layer, LayerKind};
use crate::engine::{kernel, kernel::math, shape::Shape};
use crate::registry::settings;

pub mod exponential;
pub mod gated;
pub mod piecewise;
pub mod softmax;

/// The formula of an activation; all other code is shared.
pub(super) trait Function: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// y(x).
    fn value(self, x: f32) -> f32;
    /// dy/dx from x and y(x).
    fn slope(self, x: f32, y: f32) -> f32;
    /// Whether it is max(x, 0).
    const RECTIFIER: bool = false;
    /// Whether the unit passes (almost) no gradient at output y; `None` if the activation has no flat part.
    fn flat(self, _y: f32) -> Option<bool> {
        None
    }
}

/// A function applied to every number of a sample.
#[derive(Debug)]
pub(super) struct Elementwise<F> {
    pub(super) shape: Shape,
    pub(super) function: F,
}

impl<F: Function> Layer for Elementwise<F> {
    fn output(&self) -> Shape {
        self.shape
    }

    fn forward(&self, f: Forward<'_>) {
        let function = self.function;
        kernel::map(
            f.x,
            f.y,
            #[inline(always)]
            move |x| function.value(x),
        );
    }

    fn backward(&self, b: Backward<'_>) {
        let function = self.function;
        if let Some(grad_input) = b.grad_input {
            // dx = dy · y'(x), set to 0 where it would soon be subnormal, as behind many saturated layers.
            kernel::map3(
                b.x,
                b.y,
                b.grad_output,
                grad_input,
                #[inline(always)]
                move |x, y, g| math::snap(g * function.slope(x, y)),
            );
        }
    }

    fn kind(&self) -> LayerKind {
        if F::RECTIFIER { LayerKind::Rectifier } else { LayerKind::Other }
    }

    fn health(&self, y: &[f32], rows: usize) -> Option<Health> {
        self.function.flat(0.0)?;
        let units = self.shape.size();
        let flat = |y: f32| self.function.flat(y) == Some(true);
        let saturated = y.iter().filter(|&&y| flat(y)).count() as f32 / (rows * units) as f32;
        let silent =
            (0..units).filter(|&u| (0..rows).all(|r| flat(y[r * units + u]))).count() as f32 / units as f32;
        Some(Health { saturated, silent })
    }

    fn units(&self) -> usize {
        if self.function.flat(0.0).is_none() {
            return 0;
        }
        match self.shape {
            Shape::Flat(n) => n,
            Shape::Image { channels, .. } => channels,
            Shape::Sequence { features, .. } => features,
        }
    }

    fn wake(&self, y: &[f32], awake: &mut [bool]) {
        let passes = |y: &f32| self.function.flat(*y) != Some(true);
        if let Shape::Image { height, width, .. } = self.shape {
            for row in y.chunks_exact(self.shape.size()) {
                for (unit, plane) in awake.iter_mut().zip(row.chunks_exact(height * width)) {
                    *unit |= plane.iter().any(passes);
                }
            }
        } else {
            for row in y.chunks_exact(awake.len()) {
                awake.iter_mut().zip(row).for_each(|(unit, y)| *unit |= passes(y));
            }
        }
    }
}

/// Builds an activation from its settings: `elementwise!(Settings, |s| function)`.
macro_rules! elementwise {
    ($settings:ident, |$s:pat_param| $function:expr) => {
        impl $crate::engine::layer::Build for $settings {
            fn build(
                &self,
                input: $crate::engine::shape::Shape,
            ) -> Result<Box<dyn $crate::engine::layer::Layer>, String> {
                let $s = self;
                let function = $function;
                Ok(Box::new($crate::engine::layer::activation::Elementwise { shape: input, function }))
            }
        }
    };
}
use elementwise;

settings! {
    /// Logistic sigmoid y = 1/(1 + e⁻ˣ); its slope is at most 1/4, so depth makes gradients vanish.
    pub struct Sigmoid {}
}

#[derive(Clone, Copy, Debug)]
struct SigmoidFn;

impl Function for SigmoidFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        math::sigmoid(x)
    }
    #[inline(always)]
    fn slope(self, _: f32, y: f32) -> f32 {
        y * (1.0 - y)
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(!(0.01..=0.99).contains(&y))
    }
}

elementwise!(Sigmoid, |_| SigmoidFn);

settings! {
    /// Hyperbolic tangent, the zero-centred sigmoid; slope 1 at zero, flat beyond ±3.
    pub struct Tanh {}
}

#[derive(Clone, Copy, Debug)]
struct TanhFn;

impl Function for TanhFn {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        math::tanh(x)
    }
    #[inline(always)]
    fn slope(self, _: f32, y: f32) -> f32 {
        1.0 - y * y
    }
    fn flat(self, y: f32) -> Option<bool> {
        Some(y.abs() > 0.99)
    }
}

elementwise!(Tanh, |_| TanhFn);
