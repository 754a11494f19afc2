//! The plain recurrent cell.

use super::cell::{RecurrentCell, Slopes, UnitInputs, UnitOutputs};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::{plain_values, settings};

/// The nonlinearity of a plain recurrent layer; names as in PyTorch.
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

impl RecurrentCell<1> for TanhCell {
    const MEMORY: bool = false;

    #[inline(always)]
    fn forward(&self, s: UnitInputs<1>) -> UnitOutputs<1> {
        UnitOutputs { gates: s.gi, h: math::tanh(s.gi[0]), c: 0.0 }
    }

    #[inline(always)]
    fn backward(&self, _s: UnitInputs<1>, h: f32, _c: f32, dh: f32, _dc: f32) -> Slopes<1> {
        through_the_gate(dh * (1.0 - h * h))
    }
}

impl RecurrentCell<1> for ReluCell {
    const MEMORY: bool = false;

    #[inline(always)]
    fn forward(&self, s: UnitInputs<1>) -> UnitOutputs<1> {
        let [z] = s.gi;
        UnitOutputs { gates: s.gi, h: if z < 0.0 { 0.0 } else { z }, c: 0.0 }
    }

    #[inline(always)]
    fn backward(&self, _s: UnitInputs<1>, h: f32, _c: f32, dh: f32, _dc: f32) -> Slopes<1> {
        through_the_gate(dh * if h > 0.0 { 1.0 } else { 0.0 })
    }
}

/// The whole gradient flows back through the gate; there is no other path.
#[inline(always)]
fn through_the_gate(slope: f32) -> Slopes<1> {
    Slopes { dgi: [slope], dgh: [0.0], dh_prev: 0.0, dc_prev: 0.0 }
}
