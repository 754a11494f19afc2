//! The long short-term memory cell.

use super::cell::{RecurrentCell, Slopes, UnitInputs, UnitOutputs};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Long short-term memory: a gated sum carries the gradient through time. Hochreiter & Schmidhuber 1997.
    pub struct Lstm {
        /// numbers in the state, and in the memory
        units: usize = 32, 1..=limits::UNITS;
        /// give the state of every time step instead of the last one
        all: bool = false;
        /// whether b_hh is there; beside b_ih it adds nothing, but PyTorch has both
        bias_hh: bool = true;
    }
}

impl Build for Lstm {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        super::build("Lstm", LstmCell, self.units, self.all, self.bias_hh, input)
    }
}

/// Gates in the order i, f, g, o: c = f c + i g, h = o tanh(c).
#[derive(Debug)]
struct LstmCell;

impl RecurrentCell<4> for LstmCell {
    const MEMORY: bool = true;

    #[inline(always)]
    fn forward(&self, s: UnitInputs<4>) -> UnitOutputs<4> {
        let [i, f, g, o] = s.gi;
        let (i, f, g, o) = (math::sigmoid(i), math::sigmoid(f), math::tanh(g), math::sigmoid(o));
        let c = f.mul_add(s.c_prev, i * g);
        UnitOutputs { gates: [i, f, g, o], h: o * math::tanh(c), c }
    }

    #[inline(always)]
    fn backward(&self, s: UnitInputs<4>, _h: f32, c: f32, dh: f32, dc: f32) -> Slopes<4> {
        let [i, f, g, o] = s.gi;
        // h = o tanh(c)
        let tanh_c = math::tanh(c);
        let dc = (dh * o).mul_add(1.0 - tanh_c * tanh_c, dc);
        let do_ = dh * tanh_c * o * (1.0 - o);
        // c = f c_prev + i g
        let di = dc * g * i * (1.0 - i);
        let df = dc * s.c_prev * f * (1.0 - f);
        let dg = dc * i * (1.0 - g * g);
        Slopes { dgi: [di, df, dg, do_], dgh: [0.0; 4], dh_prev: 0.0, dc_prev: dc * f }
    }
}
