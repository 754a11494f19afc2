//! The plain recurrent cell.

// A step reads several blocks at one index.
#![allow(clippy::needless_range_loop)]

use super::{Cell, StepBackward, StepForward};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::{plain_values, settings};

/// What bends the state of a plain recurrent layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Nonlinearity {
    /// Hyperbolic tangent: gradients through time shrink.
    #[default]
    Tanh,
    /// Rectifier: gradients through time may grow without bound.
    Relu,
}
plain_values!(Nonlinearity);

settings! {
    /// Recurrent layer hₜ = f(W_ih xₜ + b_ih + W_hh hₜ₋₁ + b_hh); its gradient dies or explodes over time. Elman 1990.
    pub struct Rnn {
        /// numbers in the state
        units: usize = 32, 1..=limits::UNITS;
        /// f: Tanh or Relu
        nonlinearity: Nonlinearity = Nonlinearity::Tanh;
        /// give the state of every time step instead of the last one
        all: bool = false;
        /// whether b_hh is there; beside b_ih it adds nothing, but PyTorch has both
        bias_hh: bool = true;
    }
}

impl Build for Rnn {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        match self.nonlinearity {
            Nonlinearity::Tanh => super::build("Rnn", TanhCell, self.units, self.all, self.bias_hh, input),
            Nonlinearity::Relu => super::build("Rnn", ReluCell, self.units, self.all, self.bias_hh, input),
        }
    }
}

#[derive(Debug)]
struct TanhCell;

#[derive(Debug)]
struct ReluCell;

impl Cell for TanhCell {
    const GATES: usize = 1;
    const MEMORY: bool = false;

    #[inline(always)]
    fn forward(&self, s: StepForward<'_>) {
        for (h, &z) in s.h.iter_mut().zip(&*s.gi) {
            *h = math::tanh(z);
        }
    }

    #[inline(always)]
    fn backward(&self, s: StepBackward<'_>) {
        bend(s, |h| 1.0 - h * h);
    }
}

impl Cell for ReluCell {
    const GATES: usize = 1;
    const MEMORY: bool = false;

    #[inline(always)]
    fn forward(&self, s: StepForward<'_>) {
        for (h, &z) in s.h.iter_mut().zip(&*s.gi) {
            *h = if z < 0.0 { 0.0 } else { z };
        }
    }

    #[inline(always)]
    fn backward(&self, s: StepBackward<'_>) {
        bend(s, |h| if h > 0.0 { 1.0 } else { 0.0 });
    }
}

/// d(gate) = dh · f'(h); nothing of dh goes back but through the gate.
#[inline(always)]
fn bend(s: StepBackward<'_>, slope: impl Fn(f32) -> f32) {
    let n = s.h.len();
    let (dgi, dh) = (&mut s.dgi[..n], &s.dh[..n]);
    for j in 0..n {
        dgi[j] = dh[j] * slope(s.h[j]);
    }
}
