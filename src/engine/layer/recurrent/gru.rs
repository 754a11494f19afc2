//! The gated recurrent unit.

use super::cell::{RecurrentCell, Slopes, UnitInputs, UnitOutputs};
use crate::engine::kernel::math;
use crate::engine::layer::{Build, Layer};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Gated recurrent unit, PyTorch's form (reset after the product). Cho et al. 2014, arXiv:1406.1078.
    pub struct Gru {
        /// numbers in the state
        units: usize = 32, 1..=limits::UNITS;
        /// give the state of every time step instead of the last one
        all: bool = false;
    }
}

impl Build for Gru {
    fn build(&self, input: Shape) -> Result<Box<dyn Layer>, String> {
        super::build("Gru", GruCell, self.units, self.all, true, input)
    }
}

/// Gates in the order r, z, n: n = tanh(gi_n + r · gh_n), h = (1 - z) n + z h_prev.
#[derive(Debug)]
struct GruCell;

impl RecurrentCell<3> for GruCell {
    const MEMORY: bool = false;
    const APART: bool = true;

    #[inline(always)]
    fn forward(&self, s: UnitInputs<3>) -> UnitOutputs<3> {
        let ([r, z, n], [r_h, z_h, n_h]) = (s.gi, s.gh);
        let r = math::sigmoid(r + r_h);
        let z = math::sigmoid(z + z_h);
        let n = math::tanh(r.mul_add(n_h, n));
        UnitOutputs { gates: [r, z, n], h: z.mul_add(s.h_prev - n, n), c: 0.0 }
    }

    #[inline(always)]
    fn backward(&self, s: UnitInputs<3>, _h: f32, _c: f32, dh: f32, _dc: f32) -> Slopes<3> {
        let ([r, z, n], [_, _, n_h]) = (s.gi, s.gh);
        // h = (1 - z) n + z h_prev
        let dn = dh * (1.0 - z) * (1.0 - n * n);
        let dz = dh * (s.h_prev - n) * z * (1.0 - z);
        // n = tanh(gi_n + r gh_n)
        let dr = dn * n_h * r * (1.0 - r);
        Slopes { dgi: [dr, dz, dn], dgh: [dr, dz, dn * r], dh_prev: dh * z, dc_prev: 0.0 }
    }
}
