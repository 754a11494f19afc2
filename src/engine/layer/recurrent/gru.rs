//! The gated recurrent unit.

// A step reads several blocks at one index.
#![allow(clippy::needless_range_loop)]

use super::{Cell, StepBackward, StepForward, blocks, blocks_mut};
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

impl Cell for GruCell {
    const GATES: usize = 3;
    const MEMORY: bool = false;
    const APART: bool = true;

    #[inline(always)]
    fn forward(&self, s: StepForward<'_>) {
        let n = s.h_prev.len();
        let [r, z, new] = blocks_mut::<3>(s.gi, n);
        let [rh, zh, new_h] = blocks::<3>(s.gh, n);
        let (h_prev, h) = (&s.h_prev[..n], &mut s.h[..n]);
        for j in 0..n {
            r[j] = math::sigmoid(r[j] + rh[j]);
            z[j] = math::sigmoid(z[j] + zh[j]);
            new[j] = math::tanh(r[j].mul_add(new_h[j], new[j]));
            h[j] = z[j].mul_add(h_prev[j] - new[j], new[j]);
        }
    }

    #[inline(always)]
    fn backward(&self, s: StepBackward<'_>) {
        let n = s.h.len();
        let [r, z, new] = blocks::<3>(s.gi, n);
        let [_, _, new_h] = blocks::<3>(s.gh, n);
        let [dr, dz, dn] = blocks_mut::<3>(s.dgi, n);
        let [dr_h, dz_h, dn_h] = blocks_mut::<3>(s.dgh, n);
        let (h_prev, dh, dh_prev) = (&s.h_prev[..n], &s.dh[..n], &mut s.dh_prev[..n]);
        for j in 0..n {
            // h = (1 - z) n + z h_prev
            dn[j] = dh[j] * (1.0 - z[j]) * (1.0 - new[j] * new[j]);
            dz[j] = dh[j] * (h_prev[j] - new[j]) * z[j] * (1.0 - z[j]);
            dh_prev[j] = dh[j] * z[j];
            // n = tanh(gi_n + r gh_n)
            dr[j] = dn[j] * new_h[j] * r[j] * (1.0 - r[j]);
            (dr_h[j], dz_h[j], dn_h[j]) = (dr[j], dz[j], dn[j] * r[j]);
        }
    }
}
